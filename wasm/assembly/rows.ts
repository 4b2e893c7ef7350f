/**
 * Rows of experts on their way out and back. `index`, `rowOf`: u32 each. Strides in bytes, multiples of 16; n is rounded up to 4.
 */

/** dst[i] = src[index[i]] for i < count; rows of `bytes`, a multiple of 16, dense in dst. */
export function gather_rows(src: usize, stride: usize, index: usize, count: i32, dst: usize, bytes: usize): void {
  for (const end = index + (<usize>count << 2); index < end; index += 4, dst += bytes) memory.copy(dst, src + <usize>load<u32>(index) * stride, bytes)
}

/**
 * residual[t] += multiplier · (Σ_slot weights[t, slot] · rows[rowOf[t, slot]] + shared[t]), slots ascending, shared last.
 * rowOf, weights  [tokens, topK]. rows  rowStride bytes each. shared  0 for none. n floats of each.
 * Order: from 0, a multiply and an add a slot; then one for the residual stream (SPEC NU4).
 */
export function combine_rows(
  residual: usize, residualStride: usize, rows: usize, rowStride: usize, rowOf: usize, weights: usize, topK: i32,
  shared: usize, sharedStride: usize, multiplier: f32, n: i32, tokens: i32,
): void {
  const bytes = <usize>((n + 3) & ~3) << 2
  const slots = <usize>topK << 2
  const m = f32x4.splat(multiplier)
  for (let t = 0; t < tokens; t++, residual += residualStride, rowOf += slots, weights += slots) {
    for (let i: usize = 0; i < bytes; i += 16) {
      let sum = f32x4.splat(0)
      for (let s: usize = 0; s < slots; s += 4) {
        const row = rows + <usize>load<u32>(rowOf + s) * rowStride
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(weights + s), v128.load(row + i)))
      }
      if (shared) sum = f32x4.add(sum, v128.load(shared + i))
      v128.store(residual + i, f32x4.add(v128.load(residual + i), f32x4.mul(m, sum)))
    }
    if (shared) shared += sharedStride
  }
}
