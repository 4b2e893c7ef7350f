import { HI_RECORD_BYTES, hiPlaneBytes, LO_RECORD_BYTES, loPlaneBytes } from '../../../shared/core/layout.ts'
import type { BenchMemory } from './bench-memory.ts'

/** Of every matrix here. */
export const COLS = 1024
const PAIR_ROWS = 16

/** Walks over matrices of one shape, back to back in the weights; a q8 matrix's planes lie in two ranges of their own. */
export class Matrices {
  readonly rows: number
  readonly #order: readonly number[]
  readonly #hi: number
  readonly #lo: number
  /** Of one matrix. */
  readonly hiBytes: number
  readonly loBytes: number
  readonly #together: number
  #index = 0

  /** @param together how many matrices one step of the walk has. */
  constructor({ weights }: BenchMemory, encoding: 'q4' | 'q8', rows: number, count: number, order = Array.from({ length: count }, (_, i) => i), together = 1) {
    this.rows = rows
    this.#order = order
    this.#together = together
    this.hiBytes = hiPlaneBytes(rows, COLS)
    this.loBytes = loPlaneBytes(rows, COLS)
    this.#hi = weights
    this.#lo = encoding === 'q8' ? weights + this.hiBytes * count * together : 0
  }

  next(): [hi: number, lo: number] {
    const i = this.#order[this.#index]! * this.#together
    this.#index = (this.#index + 1) % this.#order.length
    return [this.#hi + i * this.hiBytes, this.#lo + i * this.loBytes]
  }
}

/** Rows of a matrix of about `bytes`, a multiple of the padding. */
export function rowsIn(encoding: 'q4' | 'q8', bytes: number): number {
  const record = encoding === 'q8' ? HI_RECORD_BYTES + LO_RECORD_BYTES : HI_RECORD_BYTES
  return Math.floor(bytes / ((PAIR_ROWS / 8) * (COLS / 32) * record)) * PAIR_ROWS
}

/** Always the same order of 0…count − 1. */
export function shuffle(count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  let state = 7
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const j = Math.floor((state / 2 ** 32) * (i + 1))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}
