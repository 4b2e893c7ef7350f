/** (func (drop (v128 …))) in the smallest module that needs the instruction. */
function moduleWith(body: readonly number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 0x1a, 0x0b] // no locals, body, drop, end
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, code.length + 2, 1, code.length, ...code])
}

const I32_ZERO = [0x41, 0]
const SPLAT = [...I32_ZERO, 0xfd, 0x11] // i32x4.splat
/** i32x4.relaxed_dot_i8x16_i7x16_add_s, what the fastest kernels use: 0xfd 0x113. */
const RELAXED_DOT = [...SPLAT, ...SPLAT, ...SPLAT, 0xfd, 0x93, 0x02]

/** What this runtime's WebAssembly knows. Validated, not compiled: compiling at run time is refused. */
export function wasmFeatures(): { readonly simd: boolean; readonly relaxedSimd: boolean } {
  return { simd: WebAssembly.validate(moduleWith(SPLAT)), relaxedSimd: WebAssembly.validate(moduleWith(RELAXED_DOT)) }
}
