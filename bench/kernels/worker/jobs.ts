import { xRecordsBytes } from '../../../shared/core/layout.ts'
import type { Kernels } from '../../../wasm/src/kernels.ts'
import { swiglu } from '../../../wasm/src/swiglu.ts'
import { OUT_OF_CACHE_BYTES } from './bench-memory.ts'
import type { BenchMemory } from './bench-memory.ts'
import { COLS, Matrices, rowsIn, shuffle } from './matrices.ts'
import type { Sample } from './round.ts'

/** A thing to time: `call` does a piece of work and says how much, in the job's unit. */
export interface Job {
  readonly id: string
  readonly unit: Sample['unit']
  /** Bytes, weights or multiply-adds that this call was worth. */
  call(): number
}

/** bench/kernels/assembly/limits.ts. */
export interface Limits {
  read_1_stream(p: number, bytes: number): number
  read_2_streams(p: number, bytes: number): number
  relaxed_dots(turns: number): number
}

const GEMM_TOKENS = [1, 2, 3, 4, 5, 8, 16, 32] as const
const ENCODINGS = ['q4', 'q8'] as const
const TOKENS_MAX = Math.max(...GEMM_TOKENS)
/** Half of a core's L2 here, so that the weights stay there. */
const L2_BYTES = 250_000
/** An expert's matrix: the shape of the model that the peers run. */
const EXPERT_ROWS = 512
const DOT_TURNS = 20_000
const READ_STEP = 256

/** Read bandwidth with one and two streams; the two out of any cache last, beside which GEMV is timed. */
export function readJobs({ weights }: BenchMemory, limits: Limits): Job[] {
  const read = (id: string, kernel: 'read_1_stream' | 'read_2_streams', bytesMax: number): Job => {
    const bytes = Math.floor(bytesMax / READ_STEP) * READ_STEP
    return {
      id: `kernels.${id}`,
      unit: 'GB/s',
      call: () => {
        limits[kernel](weights, bytes)
        return bytes
      },
    }
  }
  return [
    read('read1.l2', 'read_1_stream', L2_BYTES),
    read('read2.l2', 'read_2_streams', L2_BYTES),
    read('read1.out', 'read_1_stream', OUT_OF_CACHE_BYTES),
    read('read2.out', 'read_2_streams', OUT_OF_CACHE_BYTES),
  ]
}

export function peakJob(limits: Limits): Job {
  return {
    id: 'kernels.dot_peak',
    unit: 'GMAC/s',
    call: () => {
      limits.relaxed_dots(DOT_TURNS)
      return DOT_TURNS * 48 * 16
    },
  }
}

/** GEMV over one large matrix, over matrices of experts in random order, over one that stays in the L2. */
export function gemvJobs(bench: BenchMemory, kernels: Kernels): Job[] {
  const { x, y } = createBuffers(bench, kernels)
  return ENCODINGS.flatMap((encoding) => {
    const whole = rowsIn(encoding, OUT_OF_CACHE_BYTES)
    const experts = Math.floor(whole / EXPERT_ROWS)
    const gemv = (name: string, matrices: Matrices): Job => ({
      id: `kernels.${kernels.variant}.${encoding}.gemv.${name}`,
      unit: 'Gweights/s',
      call: () => {
        const [hi, lo] = matrices.next()
        if (encoding === 'q8') kernels.gemv_q8(hi, lo, x, y, matrices.rows, COLS)
        else kernels.gemv_q4(hi, x, y, matrices.rows, COLS)
        return matrices.rows * COLS
      },
    })
    return [
      gemv('out', new Matrices(bench, encoding, whole, 1)),
      gemv('experts', new Matrices(bench, encoding, EXPERT_ROWS, experts, shuffle(experts))),
      gemv('l2', new Matrices(bench, encoding, rowsIn(encoding, L2_BYTES), 1)),
    ]
  })
}

/** GEMM over matrices of experts in their order, and over one that stays in the L2; whole experts in random order. */
export function gemmJobs(bench: BenchMemory, kernels: Kernels): Job[] {
  const { x, y, gateUp, inner } = createBuffers(bench, kernels)
  return ENCODINGS.flatMap((encoding) => {
    const id = `kernels.${kernels.variant}.${encoding}`
    const matrixCount = Math.floor(rowsIn(encoding, OUT_OF_CACHE_BYTES) / EXPERT_ROWS)
    const inOrder = new Matrices(bench, encoding, EXPERT_ROWS, matrixCount)
    const small = new Matrices(bench, encoding, rowsIn(encoding, L2_BYTES), 1)
    const gemm = (name: string, matrices: Matrices, tokens: number): Job => ({
      id: `${id}.gemm${tokens}.${name}`,
      unit: 'GMAC/s',
      call: () => {
        const [hi, lo] = matrices.next()
        const yStride = matrices.rows * 4
        if (encoding === 'q8') kernels.gemm_q8(hi, lo, x, y, matrices.rows, COLS, tokens, xRecordsBytes(COLS), yStride)
        else kernels.gemm_q4(hi, x, y, matrices.rows, COLS, tokens, xRecordsBytes(COLS), yStride)
        return matrices.rows * COLS * tokens
      },
    })
    const experts = new Matrices(bench, encoding, EXPERT_ROWS, Math.floor(matrixCount / 3), shuffle(Math.floor(matrixCount / 3)), 3)
    const expert = (tokens: number): Job => ({
      id: `${id}.swiglu${tokens}.experts`,
      unit: 'GMAC/s',
      call: () => {
        const [hi, lo] = experts.next()
        const at = (first: number, ptr: number, bytes: number) => ({
          encoding,
          ptr: hi + ptr,
          lo: lo + bytes,
          rows: first,
          cols: first === COLS ? EXPERT_ROWS : COLS,
        })
        const weights = {
          gate: at(EXPERT_ROWS, 0, 0),
          up: at(EXPERT_ROWS, experts.hiBytes, experts.loBytes),
          down: at(COLS, 2 * experts.hiBytes, 2 * experts.loBytes),
          width: EXPERT_ROWS,
        }
        const activations = { f32: 0, f32Stride: 0, q8: x, q8Stride: xRecordsBytes(COLS) }
        swiglu(kernels, weights, activations, { gateUp, inner }, y, COLS * 4, tokens)
        return 3 * EXPERT_ROWS * COLS * tokens
      },
    })
    return [
      ...GEMM_TOKENS.map((tokens) => gemm('out', inOrder, tokens)),
      ...GEMM_TOKENS.map((tokens) => gemm('l2', small, tokens)),
      ...GEMM_TOKENS.map((tokens) => expert(tokens)),
    ]
  })
}

/** Activations for TOKENS_MAX tokens, as quantize_rows makes them, and room for results: of the large matrix, or of all tokens. */
function createBuffers({ arena }: BenchMemory, kernels: Kernels) {
  const floats = arena.alloc(COLS * 4, 'floats')
  const x = arena.alloc(TOKENS_MAX * xRecordsBytes(COLS), 'x')
  for (let t = 0; t < TOKENS_MAX; t++) {
    arena.f32(floats, COLS).forEach((_, i, row) => (row[i] = Math.sin(i * 1.7 + t)))
    kernels.quantize_rows(floats, x + t * xRecordsBytes(COLS), COLS, 1, 0, 0)
  }
  const rows = (count: number) => arena.alloc(count * 4, 'rows')
  return {
    x,
    y: rows(Math.max(rowsIn('q4', OUT_OF_CACHE_BYTES), COLS * TOKENS_MAX)),
    gateUp: rows(2 * EXPERT_ROWS * TOKENS_MAX),
    inner: arena.alloc(TOKENS_MAX * xRecordsBytes(EXPERT_ROWS), 'inner'),
  }
}
