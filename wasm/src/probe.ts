import { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES } from '../../shared/core/layout.ts'
import type { KernelExports } from './kernel-exports.ts'

const COLS = 32
const ROWS = 16
const HI = 4096
const LO = HI + (ROWS / 8) * HI_RECORD_BYTES
const X = LO + (ROWS / 8) * LO_RECORD_BYTES
const Y = X + X_RECORD_BYTES
/** Bytes of codes and of activations at the ends of their ranges and in between: all products of one sign, alternating signs, one column only. */
const CODES = [0x00, 0xff, 0x0f, 0xf0, 0x88, 0x7f, 0x1e]
const ACTIVATIONS = [
  [127, 127, 127, 127],
  [-127, -127, -127, -127],
  [127, -127, 127, -127],
  [-127, 127, 127, -127],
  [0, 0, 0, -127],
  [1, -2, 64, -128],
]

/**
 * Whether the relaxed dot is exact on this machine: its operand order and its saturation are the CPU's choice by specification, and only
 * in bounds that our codes keep is it defined. So both builds run the real kernel on the extremes, and every sum must agree.
 * @param memory one page of its own, shared by both instances; not the arena.
 */
export function isRelaxedDotExact(relaxed: KernelExports, plain: KernelExports, memory: WebAssembly.Memory): boolean {
  return ACTIVATIONS.every((activations) => {
    writeActivations(memory, activations)
    return CODES.every((code) => {
      writeWeights(memory, code)
      const want = sums(plain, memory)
      return sums(relaxed, memory).every((sum, row) => sum === want[row])
    })
  })
}

function sums(kernels: KernelExports, memory: WebAssembly.Memory): Float32Array {
  const y = new Float32Array(memory.buffer, Y, 2 * ROWS)
  y.fill(NaN)
  kernels.gemv_q8(HI, LO, X, Y, ROWS, COLS)
  kernels.gemv_q4(HI, X, Y + 4 * ROWS, ROWS, COLS)
  return y.slice()
}

/** Scales are one, so the results are the integers. The lo plane mixes the code with its complement, so that it differs from the hi plane. */
function writeWeights(memory: WebAssembly.Memory, code: number): void {
  const bytes = new Uint8Array(memory.buffer, HI, X - HI)
  bytes.fill(code)
  for (let i = LO - HI; i < bytes.length; i += 3) bytes[i] = 255 - code
  const one = 0x3f80
  for (let group = 0; group < ROWS / 8; group++) {
    new Uint16Array(memory.buffer, HI + group * HI_RECORD_BYTES + 128, 8).fill(one)
  }
}

function writeActivations(memory: WebAssembly.Memory, pattern: readonly number[]): void {
  const view = new DataView(memory.buffer, X, X_RECORD_BYTES)
  const codes = Array.from({ length: COLS }, (_, c) => pattern[c % pattern.length]!)
  const sumOf = (half: number) => codes.reduce((sum, code, c) => ((c & 2) === half ? sum + code : sum), 0)
  codes.forEach((code, c) => view.setInt8(c, code))
  view.setFloat32(32, 1, true)
  view.setInt32(36, -8 * (sumOf(0) + sumOf(2)), true)
  view.setInt16(40, -8 * sumOf(0), true)
  view.setInt16(42, -8 * sumOf(2), true)
  view.setInt32(44, 0, true)
}
