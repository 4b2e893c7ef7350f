import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { keyPanelBytes, keyScalesOffset, kvHeadBytes, VALUE_PANEL_BYTES, valuePanels, valueScalesOffset, valuesOffset } from './inline/kv-page.ts'
import { storeInterleaved, tile } from './inline/kv-tile.ts'
import { codeWeights } from './inline/kv-weights.ts'
import { storeLanes } from './inline/lanes.ts'
import { exp_row } from './softmax.ts'

/** Queries that share each read of keys and values: heads of a group, and of neighbouring tokens of a sequence. */
const ROWS = 4
/** Positions whose weights share a scale. So few that Σ 127 · 32767 over them is an i32, and that a code's half is nothing to their largest. */
const BLOCK_POSITIONS = 128
const BLOCK_PAGES: usize = BLOCK_POSITIONS / KV_PAGE_POSITIONS

// The start of the scratch: a word a row.
const QUERY_FACTORS: usize = 0 // f32: scale of the query's codes · attention scale
const WEIGHT_SCALES: usize = 16 // f32: of the block's codes
const SUMS: usize = 32 // f32: Σ e^(score − max)
const FROM: usize = 48 // i32: positions from ≤ j < to
const TO: usize = 64
const OUT: usize = 80 // u32: where the row's result goes
const TOUCHED: usize = 96 // u32, one in all: nobody reads it
const ROW_WORDS: usize = 128

/**
 * attention_f32 over int8 pages (layout: inline/kv-page.ts), queries as prepare_heads codes them.
 * scratch attentionScratchBytes (shared/core/scratch.ts).
 * Order, for each query and head: score = exact Σ codes · ((query's scale · scale) · key's scale); e = exp_row over the positions, lane j % 4 sums
 * position j; weights e · value's scale become codes with one scale for the positions that share j / 128; then, blocks ascending,
 * out += exact Σ codes · block's scale; out · (1 / Σe) comes last. A position a query does not see weighs exactly nothing, so a tile's other
 * queries change no bit (SPEC NU2, NU3, NU4).
 */
export function attention_i8(
  q: usize, qStride: usize, positions: usize, tables: usize, tokens: i32, layerOffset: usize, out: usize, outStride: usize,
  scratch: usize, window: i32, heads: i32, kvHeads: i32, headDim: i32, headStride: usize, scale: f32,
): void {
  const group = heads / kvHeads
  for (let first = 0, end = 0; first < tokens; first = end) {
    const table = load<u32>(tables + (<usize>first << 2))
    for (end = first + 1; end < tokens && load<u32>(tables + (<usize>end << 2)) == table; ) end++
    const rows = (end - first) * group
    for (let kv = 0; kv < kvHeads; kv++) {
      const part = layerOffset + <usize>kv * kvHeadBytes(headDim)
      for (let row = 0; row < rows; row += ROWS) {
        const count = min(ROWS, rows - row)
        const queries = scratch + ROW_WORDS
        for (let r = 0; r < count; r++) {
          const t = <usize>(first + (row + r) / group)
          const h = <usize>(kv * group + (row + r) % group)
          const word = scratch + (<usize>r << 2)
          const query = q + t * qStride + h * headStride
          const to = load<i32>(positions + (t << 2)) + 1
          store<f32>(word, load<f32>(query + (headStride >> 1)) * scale, QUERY_FACTORS)
          store<i32>(word, window ? max(0, to - window) : 0, FROM)
          store<i32>(word, to, TO)
          store<u32>(word, <u32>(out + t * outStride + h * (<usize>headDim << 2)), OUT)
          store<u32>(queries + (<usize>r << 2), <u32>query)
        }
        attendRows(count, table, part, scratch, headDim)
      }
    }
  }
}

/** One tile: up to ROWS queries of one sequence and kv head; `part`: where that head's codes begin in a page. */
function attendRows(count: i32, table: usize, part: usize, scratch: usize, headDim: i32): void {
  const queries = scratch + ROW_WORDS
  const weights = queries + <usize>valuePanels(headDim) * 64
  const sums = weights + BLOCK_POSITIONS * 2 * ROWS
  const sumStride = <usize>valuePanels(headDim) * 32
  const scores = sums + <usize>ROWS * sumStride
  let from = i32.MAX_VALUE, to = 0
  for (let r = 0; r < count; r++) {
    from = min(from, load<i32>(scratch + (<usize>r << 2), FROM))
    to = max(to, load<i32>(scratch + (<usize>r << 2), TO))
  }
  from &= -KV_PAGE_POSITIONS
  const span = (to - from + KV_PAGE_POSITIONS - 1) & -KV_PAGE_POSITIONS
  const stride = (<usize>span << 2) + 64 // not a power of two: rows that lie on the same cache sets push each other out
  const tableEnd = table + (<usize>(from + span) / KV_PAGE_POSITIONS << 2)
  interleaveQueries(count, queries, headDim)
  for (let j = from; j < to; j += 8) {
    const entry = table + (<usize>j / KV_PAGE_POSITIONS << 2)
    const slot = <usize>j % KV_PAGE_POSITIONS
    if (j == from || j % BLOCK_POSITIONS == 0) touch(entry, min(entry + BLOCK_PAGES * 4, tableEnd), part, valuesOffset(headDim), scratch)
    const scales = <usize>load<u32>(entry) + part + keyScalesOffset(headDim) + (slot << 2)
    scorePanel(count, queries, entry, part + (slot >> 3) * keyPanelBytes(headDim), keyPanelBytes(headDim), scratch + QUERY_FACTORS, scales,
      scores + (<usize>(j - from) << 2), stride)
  }
  for (let r: usize = 0; r < <usize>count; r++) {
    const word = scratch + (r << 2), row = scores + r * stride
    hide(row, 0, load<i32>(word, FROM) - from)
    hide(row, load<i32>(word, TO) - from, span)
    store<f32>(word, exp_row(row, span), SUMS)
  }
  memory.fill(sums, 0, <usize>ROWS * sumStride)
  for (let j = from, next = 0; j < to; j = next) {
    next = min(from + span, (j & -BLOCK_POSITIONS) + BLOCK_POSITIONS)
    const entry = table + (<usize>j / KV_PAGE_POSITIONS << 2)
    const entryEnd = table + (<usize>next / KV_PAGE_POSITIONS << 2)
    touch(entry, entryEnd, part + valuesOffset(headDim), <usize>valuePanels(headDim) * VALUE_PANEL_BYTES, scratch)
    codeWeights(count, scores + (<usize>(j - from) << 2), stride, entry, entryEnd, part + valueScalesOffset(headDim), scratch + WEIGHT_SCALES, weights)
    for (let panel: usize = 0; panel < <usize>valuePanels(headDim); panel++) {
      sumPanel(count, weights, entry, entryEnd, part + valuesOffset(headDim) + panel * VALUE_PANEL_BYTES, scratch + WEIGHT_SCALES, sums + panel * 32, sumStride)
    }
  }
  for (let r: usize = 0; r < <usize>count; r++) {
    const factor = f32x4.splat(<f32>1 / load<f32>(scratch + (r << 2), SUMS))
    const result = <usize>load<u32>(scratch + (r << 2), OUT)
    for (let c = 0; c < headDim; c += 4) {
      const at = <usize>c << 2
      storeLanes(result + at, f32x4.mul(v128.load(sums + r * sumStride + at), factor), headDim - c)
    }
  }
}

/**
 * Reads a word of each cache line of a block, before the block is computed with: these reads do not wait for each other, and the products would
 * come to the lines one by one. The sum keeps them from being optimised away.
 */
function touch(entry: usize, entryEnd: usize, offset: usize, bytes: usize, scratch: usize): void {
  let sum: u32 = 0
  for (; entry < entryEnd; entry += 4) {
    let line = <usize>load<u32>(entry) + offset
    for (const end = line + bytes; line < end; line += 64) sum += load<u32>(line)
  }
  store<u32>(scratch, sum, TOUCHED)
}

/** Replaces the addresses of the rows' codes by the codes, as `tile` reads them; what rows there are not gets some row's. */
function interleaveQueries(count: i32, queries: usize, headDim: i32): void {
  const q0 = <usize>load<u32>(queries)
  const q1 = count > 1 ? <usize>load<u32>(queries, 4) : q0
  const q2 = count > 2 ? <usize>load<u32>(queries, 8) : q0
  const q3 = count > 3 ? <usize>load<u32>(queries, 12) : q0
  for (let i: usize = 0; i < <usize>valuePanels(headDim); i++) {
    const at = i << 4
    storeInterleaved(v128.load(q0 + at), v128.load(q1 + at), v128.load(q2 + at), v128.load(q3 + at), queries + (i << 6))
  }
}

/** Scores of positions from ≤ j < to, as none: e^−∞ is exactly 0. */
function hide(row: usize, from: i32, to: i32): void {
  for (let j = from; j < to; j++) store<f32>(row + (<usize>j << 2), -Infinity)
}

function scorePanel(count: i32, queries: usize, entry: usize, offset: usize, bytes: usize, factors: usize, scales: usize, scores: usize, stride: usize): void {
  if (count == 1) tile(1, false, queries, entry, entry + 4, offset, bytes, factors, scales, scores, stride)
  else if (count == 2) tile(2, false, queries, entry, entry + 4, offset, bytes, factors, scales, scores, stride)
  else tile(4, false, queries, entry, entry + 4, offset, bytes, factors, scales, scores, stride)
}

function sumPanel(count: i32, weights: usize, entry: usize, entryEnd: usize, offset: usize, factors: usize, sums: usize, stride: usize): void {
  if (count == 1) tile(1, true, weights, entry, entryEnd, offset, VALUE_PANEL_BYTES, factors, 0, sums, stride)
  else if (count == 2) tile(2, true, weights, entry, entryEnd, offset, VALUE_PANEL_BYTES, factors, 0, sums, stride)
  else tile(4, true, weights, entry, entryEnd, offset, VALUE_PANEL_BYTES, factors, 0, sums, stride)
}
