import { encodeMatrix } from '../../shared/core/p8.ts'
import type { MatrixEncoding } from '../../shared/core/p8.ts'
import { encodedBytes, padCols } from '../../shared/core/layout.ts'
import { Arena, ARENA_START, createMemory } from './arena.ts'
import { instantiateKernels, KERNEL_VARIANTS } from './kernels.ts'
import type { Kernels, KernelVariant } from './kernels.ts'
import { loadKernelModules } from './load-from-disk.ts'
import { matrixAt } from './linear.ts'
import type { Matrix } from './linear.ts'

const MEMORY_BYTES = 2 ** 22
const modules = await loadKernelModules()
/** The builds whose dots are exact on this machine; on one without AVX-VNNI, 'vnni' is not. */
const EXACT_VARIANTS = KERNEL_VARIANTS.filter((variant) => variant !== 'vnni' || instantiateKernels(modules, createMemory(0), 'auto').variant === 'vnni')

/** One build on a memory of its own, for tests. Whatever a test did not put there is NaN, so that a stray read shows in the result. */
export class KernelRig {
  readonly k: Kernels
  readonly arena: Arena

  constructor(variant: KernelVariant) {
    const memory = createMemory(MEMORY_BYTES)
    new Uint8Array(memory.buffer, ARENA_START).fill(255)
    this.arena = new Arena(memory)
    this.k = instantiateKernels(modules, memory, variant)
  }

  /** `floats` fresh floats, all NaN. */
  alloc(floats: number): number {
    return this.arena.alloc(floats * 4, 'test buffer')
  }

  /** A row exactly as long as it is: what follows is NaN. */
  put(values: Float32Array): number {
    const address = this.alloc(values.length)
    this.arena.f32(address, values.length).set(values)
    return address
  }

  /** Rows [count, n] at `stride` floats, each padded with zeros to `padded`; what is between them is NaN. */
  putRows(values: Float32Array, count: number, padded: number, stride: number): number {
    const n = values.length / count
    const address = this.alloc(count * stride)
    for (let t = 0; t < count; t++) {
      this.arena.f32(address + t * stride * 4, padded).fill(0)
      this.arena.f32(address + t * stride * 4, n).set(values.subarray(t * n, (t + 1) * n))
    }
    return address
  }

  putBytes(bytes: Uint8Array): number {
    const address = this.arena.alloc(bytes.byteLength, 'test bytes')
    this.arena.u8(address, bytes.byteLength).set(bytes)
    return address
  }

  putMatrix(values: Float32Array, rows: number, cols: number, encoding: MatrixEncoding): Matrix {
    const bytes = new Uint8Array(encodedBytes(encoding, rows, cols))
    encodeMatrix(values, rows, cols, encoding, bytes)
    return matrixAt(encoding, this.putBytes(bytes), rows, cols)
  }

  /** A row, zero padded like a stored vector. */
  putVector(values: Float32Array): number {
    return this.putRows(values, 1, padCols(values.length), padCols(values.length))
  }

  /** A copy of `n` floats. */
  take(address: number, n: number): Float32Array {
    return this.arena.f32(address, n).slice()
  }

  /** A copy of rows [count, n] at `stride` floats. */
  takeRows(address: number, count: number, n: number, stride: number): Float32Array {
    const rows = new Float32Array(count * n)
    for (let t = 0; t < count; t++) rows.set(this.arena.f32(address + t * stride * 4, n), t * n)
    return rows
  }
}

/** Runs on every build; throws unless all give the same bits. SPEC NU3. */
export function onEveryBuild(run: (rig: KernelRig) => Float32Array): Float32Array {
  const [first, ...others] = EXACT_VARIANTS.map((variant) => run(new KernelRig(variant)))
  if (!others.every((other) => sameBits(other, first!))) throw new Error('the builds differ')
  return first!
}

export function sameBits(a: Float32Array, b: Float32Array): boolean {
  const left = new Uint32Array(a.slice().buffer)
  const right = new Uint32Array(b.slice().buffer)
  return left.length === right.length && left.every((word, i) => word === right[i])
}

/** About normally distributed numbers with a few outliers, as weights and activations have. Same seed, same numbers. */
export function randomFloats(seed: number, n: number, spread = 1): Float32Array {
  let state = (seed * 2654435761 + 1) >>> 0
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return Float32Array.from({ length: n }, () => {
    const sum = uniform() + uniform() + uniform() + uniform() - 2
    return sum * spread * (uniform() < 0.02 ? 6 : 1)
  })
}
