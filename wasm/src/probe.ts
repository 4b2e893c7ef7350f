import { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES } from '../../shared/core/layout.ts'
import { ARENA_START, createMemory } from './arena.ts'
import type { KernelExports } from './kernel-exports.ts'

const COLS = 32
const ROWS = 16
/** One for each way through the kernels: alone, a pair, a tile of three, a tile of four, weights taken apart. */
const TOKEN_COUNTS = [1, 2, 3, 4, 8]
const TOKENS_MAX = Math.max(...TOKEN_COUNTS)
const HI = ARENA_START
const LO = HI + (ROWS / 8) * HI_RECORD_BYTES
const X = LO + (ROWS / 8) * LO_RECORD_BYTES
const Y = X + TOKENS_MAX * X_RECORD_BYTES
const END = Y + TOKENS_MAX * ROWS * 4
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

/** A small memory for probes; not the arena. */
export function createProbeMemory(): WebAssembly.Memory {
  return createMemory(END - ARENA_START)
}

/**
 * Whether a build's dots are exact on this machine: a relaxed dot's operand order, sign and saturation are the CPU's choice by
 * specification where codes leave 7 bits. So a build and the plain one run the real kernels on the extremes, and every sum must agree.
 * @param memory of createProbeMemory, shared by both instances.
 */
export function isExact(kernels: KernelExports, plain: KernelExports, memory: WebAssembly.Memory): boolean {
  return ACTIVATIONS.every((activations) => {
    writeActivations(memory, activations)
    return CODES.every((code) => {
      writeWeights(memory, code, 255 - code)
      return TOKEN_COUNTS.every((tokens) => {
        const want = [products(plain, 'gemm_q4', memory, tokens), products(plain, 'gemm_q8', memory, tokens)].flatMap((sums) => [...sums])
        const got = [products(kernels, 'gemm_q4', memory, tokens), products(kernels, 'gemm_q8', memory, tokens)].flatMap((sums) => [...sums])
        return got.every((sum, i) => sum === want[i])
      })
    })
  })
}

/**
 * Whether the machine's dot takes 8-bit codes as signed and adds in 32 bits, which is ARM's single instruction. `vnni`: the build that
 * gives it such codes; its sums are wrong there, by 256 for each unit of activation under a code above 127.
 */
export function multipliesSignedBytes(vnni: KernelExports, memory: WebAssembly.Memory): boolean {
  writeActivations(memory, [127])
  writeWeights(memory, 0xff, 0xff)
  const signed = ((0xff - 256 - 136) * 127 * COLS) / 16
  return products(vnni, 'gemm_q8', memory, 2).every((sum, i) => i % 8 >= 4 || sum === signed) // rows 4–7 have no scale of one
}

function products(kernels: KernelExports, kernel: 'gemm_q4' | 'gemm_q8', memory: WebAssembly.Memory, tokens: number): Float32Array {
  const y = new Float32Array(memory.buffer, Y, tokens * ROWS)
  y.fill(NaN)
  if (kernel === 'gemm_q8') kernels.gemm_q8(HI, LO, X, Y, ROWS, COLS, tokens, X_RECORD_BYTES, ROWS * 4)
  else kernels.gemm_q4(HI, X, Y, ROWS, COLS, tokens, X_RECORD_BYTES, ROWS * 4)
  return y.slice()
}

/** The scales of rows 0–3 are one, so these results are the integers. Every third byte of the lo plane is `other`, so that it differs from the hi plane. */
function writeWeights(memory: WebAssembly.Memory, code: number, other: number): void {
  const bytes = new Uint8Array(memory.buffer, HI, X - HI)
  bytes.fill(code)
  for (let i = LO - HI; i < bytes.length; i += 3) bytes[i] = other
  const one = 0x3f80
  for (let group = 0; group < ROWS / 8; group++) {
    new Uint16Array(memory.buffer, HI + group * HI_RECORD_BYTES + 128, 8).fill(one)
  }
}

/** The same activations for every token, moved on by one column from token to token. */
function writeActivations(memory: WebAssembly.Memory, pattern: readonly number[]): void {
  for (let t = 0; t < TOKENS_MAX; t++) {
    const view = new DataView(memory.buffer, X + t * X_RECORD_BYTES, X_RECORD_BYTES)
    const codes = Array.from({ length: COLS }, (_, c) => pattern[(c + t) % pattern.length]!)
    const sumOf = (half: number) => codes.reduce((sum, code, c) => ((c & 2) === half ? sum + code : sum), 0)
    codes.forEach((code, c) => view.setInt8(c, code))
    view.setFloat32(32, 1, true)
    view.setInt32(36, -8 * (sumOf(0) + sumOf(2)), true)
    view.setInt16(40, -8 * sumOf(0), true)
    view.setInt16(42, -8 * sumOf(2), true)
    view.setInt32(44, 0, true)
  }
}
