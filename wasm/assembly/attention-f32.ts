import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { loadLanes, storeLanes, sumLanes } from './inline/lanes.ts'
import { exp_row } from './softmax.ts'

/**
 * Tokens attend over f32 pages; token t to the positions from ≤ j ≤ positions[t], where from is 0 or leaves `window` of them:
 * out[t][h] = Σ_j softmax_j(scale · q[t][h]·k_j) · v_j.
 * q       qStride bytes a token: [heads] rows of headStride bytes, padding lanes zero. Query head h reads kv head h / (heads / kvHeads), rounded down.
 * positions i32, tables u32 a token: the address of its sequence's page table, u32 addresses of KV pages, one for 16 positions from position 0.
 *         This layer's part begins layerOffset bytes into a page: keys [kvHeads][16] rows of headStride bytes, then values likewise.
 * window  0 for none. out  outStride bytes a token: [heads · headDim] f32, compact; nothing beyond it is written.
 * scratch f32, a position each.
 * Order: a score sums its columns as dot_f32 does; scores, their exponentials (exp_row) and values are taken in position order, and
 * the division by the sum comes last. Nothing depends on the batch or on how the prompt was chunked (SPEC NU2, NU4).
 */
export function attention_f32(
  q: usize, qStride: usize, positions: usize, tables: usize, tokens: i32, layerOffset: usize, out: usize, outStride: usize,
  scratch: usize, window: i32, heads: i32, kvHeads: i32, headDim: i32, headStride: usize, scale: f32,
): void {
  for (let t: usize = 0; t < <usize>tokens; t++, q += qStride, out += outStride) {
    const to = load<i32>(positions + t * 4) + 1
    const from = window ? max(0, to - window) : 0
    attendToken(q, load<u32>(tables + t * 4), layerOffset, out, scratch, from, to, heads, kvHeads, headDim, headStride, scale)
  }
}

function attendToken(
  q: usize, table: usize, layerOffset: usize, out: usize, scores: usize, from: i32, to: i32,
  heads: i32, kvHeads: i32, headDim: i32, headStride: usize, scale: f32,
): void {
  const group = heads / kvHeads
  const headBytes = headStride * KV_PAGE_POSITIONS
  for (let h = 0; h < heads; h++, q += headStride, out += <usize>headDim << 2) {
    const keys = layerOffset + <usize>(h / group) * headBytes
    scoreKeys(q, table, keys, scores, from, to, headStride, scale)
    const factor = f32x4.splat(<f32>1 / exp_row(scores, to - from))
    memory.fill(out, 0, <usize>headDim << 2)
    sumValues(table, keys + <usize>kvHeads * headBytes, scores, from, to, headStride, out, headDim)
    for (let i = 0; i < headDim; i += 4) {
      const p = out + (<usize>i << 2)
      storeLanes(p, f32x4.mul(loadLanes(p, headDim - i, 0), factor), headDim - i)
    }
  }
}

/** Four positions at a time where they are in one page, for one read of q; each has its own sum, as when alone. */
function scoreKeys(q: usize, table: usize, keys: usize, scores: usize, from: i32, to: i32, headStride: usize, scale: f32): void {
  for (let j = from; j < to; ) {
    const k0 = rowOf(table, keys, j, headStride)
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
    if ((j & 3) == 0 && j + 4 <= to) {
      const k1 = k0 + headStride, k2 = k1 + headStride, k3 = k2 + headStride
      for (let i: usize = 0; i < headStride; i += 16) {
        const x = v128.load(q + i)
        s0 = f32x4.add(s0, f32x4.mul(x, v128.load(k0 + i)))
        s1 = f32x4.add(s1, f32x4.mul(x, v128.load(k1 + i)))
        s2 = f32x4.add(s2, f32x4.mul(x, v128.load(k2 + i)))
        s3 = f32x4.add(s3, f32x4.mul(x, v128.load(k3 + i)))
      }
      v128.store(scores, f32x4.mul(f32x4(sumLanes(s0), sumLanes(s1), sumLanes(s2), sumLanes(s3)), f32x4.splat(scale)))
      scores += 16
      j += 4
    } else {
      for (let i: usize = 0; i < headStride; i += 16) s0 = f32x4.add(s0, f32x4.mul(v128.load(q + i), v128.load(k0 + i)))
      store<f32>(scores, sumLanes(s0) * scale)
      scores += 4
      j++
    }
  }
}

/** out += the values, weighted, page by page: so a page's rows are still in the cache for the next columns. */
function sumValues(table: usize, values: usize, scores: usize, from: i32, to: i32, headStride: usize, out: usize, headDim: i32): void {
  for (let j = from; j < to; ) {
    const end = min(to, (j & -KV_PAGE_POSITIONS) + KV_PAGE_POSITIONS)
    const rows = rowOf(table, values, j, headStride)
    const scoresEnd = scores + (<usize>(end - j) << 2)
    let column = 0
    for (; column + 16 <= headDim; column += 16) addColumns16(rows + (<usize>column << 2), scores, scoresEnd, headStride, out + (<usize>column << 2))
    for (; column < headDim; column += 4) addColumns4(rows + (<usize>column << 2), scores, scoresEnd, headStride, out + (<usize>column << 2), headDim - column)
    scores = scoresEnd
    j = end
  }
}

function addColumns16(row: usize, score: usize, scoresEnd: usize, headStride: usize, out: usize): void {
  let s0 = v128.load(out), s1 = v128.load(out, 16), s2 = v128.load(out, 32), s3 = v128.load(out, 48)
  for (; score < scoresEnd; score += 4, row += headStride) {
    const p = v128.load32_splat(score)
    s0 = f32x4.add(s0, f32x4.mul(p, v128.load(row)))
    s1 = f32x4.add(s1, f32x4.mul(p, v128.load(row, 16)))
    s2 = f32x4.add(s2, f32x4.mul(p, v128.load(row, 32)))
    s3 = f32x4.add(s3, f32x4.mul(p, v128.load(row, 48)))
  }
  v128.store(out, s0)
  v128.store(out, s1, 16)
  v128.store(out, s2, 32)
  v128.store(out, s3, 48)
}

/** The same for the last columns, at most four. */
function addColumns4(row: usize, score: usize, scoresEnd: usize, headStride: usize, out: usize, columns: i32): void {
  let sum = loadLanes(out, columns, 0)
  for (; score < scoresEnd; score += 4, row += headStride) sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(score), v128.load(row)))
  storeLanes(out, sum, columns)
}

/** Address of position j's row of one head; `part`: where that head's keys or values begin in a page. */
@inline function rowOf(table: usize, part: usize, j: i32, headStride: usize): usize {
  const position = <usize>j
  const page = <usize>load<u32>(table + position / KV_PAGE_POSITIONS * 4)
  return page + part + (position % KV_PAGE_POSITIONS) * headStride
}
