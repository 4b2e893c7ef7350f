import { encodedBytes, xRecordsBytes } from '../../shared/core/layout.ts'
import { PASS_COLS, PASS_ROWS } from '../../shared/protocol/probe-api.ts'
import { Arena, ARENA_START, createMemory } from '../../wasm/src/arena.ts'
import { instantiateKernels } from '../../wasm/src/kernels.ts'
import { KERNEL_MODULES } from '../kernel-modules.ts'

/** The product's own kernel on a matrix that no cache holds. Made on first use, kept by the isolate. */
export interface Compute {
  readonly kernels: string
  /** Multiplies the whole matrix with one vector, `passes` times. */
  run(passes: number): void
}

let made: Compute | null = null

export function compute(): Compute {
  made ??= create()
  return made
}

function create(): Compute {
  const weights = encodedBytes('q4', PASS_ROWS, PASS_COLS)
  const memory = createMemory(weights + xRecordsBytes(PASS_COLS) + PASS_ROWS * 4 + ARENA_START)
  const arena = new Arena(memory)
  const [w, x, y] = [arena.alloc(weights, 'w'), arena.alloc(xRecordsBytes(PASS_COLS), 'x'), arena.alloc(PASS_ROWS * 4, 'y')]
  arena.u8(w, weights).fill(0x3c) // written once: pages that nobody wrote are all the same one
  const kernels = instantiateKernels(KERNEL_MODULES, memory, 'auto')
  return {
    kernels: kernels.variant,
    run(passes) {
      for (let pass = 0; pass < passes; pass++) kernels.gemv_q4(w, x, y, PASS_ROWS, PASS_COLS)
    },
  }
}
