import { word0, word1, word2, word3 } from './inline/dot.ts'

/**
 * y[rows] = W[rows, cols] · x[cols], all f32.
 * w  groups of 8 rows; in a group, for each column, its 8 weights. x [cols], y [rows]. rows % 16 = 0, cols % 32 = 0.
 * Order: a multiply and an add a column, columns ascending (SPEC NU4). Two streams of row groups, as gemv_q4.
 */
export function gemv_f32(w: usize, x: usize, y: usize, rows: i32, cols: i32): void {
  const half = <usize>rows >> 1
  const xEnd = x + <usize>cols * 4
  const yMiddle = y + half * 4
  let v = w + half * <usize>cols * 4
  for (; y < yMiddle; y += 32) {
    let f0 = f32x4.splat(0), f1 = f0, f2 = f0, f3 = f0
    for (let p = x; p < xEnd; p += 16) {
      const xs = v128.load(p)
      let a = word0(xs)
      f0 = addProduct(f0, v128.load(w), a)
      f1 = addProduct(f1, v128.load(w, 16), a)
      f2 = addProduct(f2, v128.load(v), a)
      f3 = addProduct(f3, v128.load(v, 16), a)
      a = word1(xs)
      f0 = addProduct(f0, v128.load(w, 32), a)
      f1 = addProduct(f1, v128.load(w, 48), a)
      f2 = addProduct(f2, v128.load(v, 32), a)
      f3 = addProduct(f3, v128.load(v, 48), a)
      a = word2(xs)
      f0 = addProduct(f0, v128.load(w, 64), a)
      f1 = addProduct(f1, v128.load(w, 80), a)
      f2 = addProduct(f2, v128.load(v, 64), a)
      f3 = addProduct(f3, v128.load(v, 80), a)
      a = word3(xs)
      f0 = addProduct(f0, v128.load(w, 96), a)
      f1 = addProduct(f1, v128.load(w, 112), a)
      f2 = addProduct(f2, v128.load(v, 96), a)
      f3 = addProduct(f3, v128.load(v, 112), a)
      w += 128
      v += 128
    }
    v128.store(y, f0)
    v128.store(y, f1, 16)
    v128.store(y + half * 4, f2)
    v128.store(y + half * 4, f3, 16)
  }
}

/** y[tokens, rows] = x[tokens, cols] · Wᵀ, strides in bytes. Four tokens share each load of weights; each has the bits of its own gemv_f32. */
export function gemm_f32(w: usize, x: usize, y: usize, rows: i32, cols: i32, tokens: i32, xStride: usize, yStride: usize): void {
  const shared = <usize>(tokens & ~3)
  for (let group: usize = 0; group < <usize>rows >> 3; group++) {
    for (let t: usize = 0; t < shared; t += 4) {
      tile_f32(w + group * <usize>cols * 32, x + t * xStride, y + t * yStride + group * 32, cols, xStride, yStride)
    }
  }
  for (let t = shared; t < <usize>tokens; t++) gemv_f32(w, x + t * xStride, y + t * yStride, rows, cols)
}

/** 8 rows × 4 tokens. ftr: the sums of token t, rows 4r…4r+3. */
function tile_f32(w: usize, x0: usize, y: usize, cols: i32, xStride: usize, yStride: usize): void {
  const xEnd = x0 + <usize>cols * 4
  let x1 = x0 + xStride, x2 = x1 + xStride, x3 = x2 + xStride
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  for (; x0 < xEnd; x0 += 4) {
    const a = v128.load(w), b = v128.load(w, 16)
    let x = v128.load32_splat(x0)
    f00 = addProduct(f00, a, x), f01 = addProduct(f01, b, x)
    x = v128.load32_splat(x1)
    f10 = addProduct(f10, a, x), f11 = addProduct(f11, b, x)
    x = v128.load32_splat(x2)
    f20 = addProduct(f20, a, x), f21 = addProduct(f21, b, x)
    x = v128.load32_splat(x3)
    f30 = addProduct(f30, a, x), f31 = addProduct(f31, b, x)
    x1 += 4, x2 += 4, x3 += 4
    w += 32
  }
  storeRows(y, f00, f01)
  storeRows(y + yStride, f10, f11)
  storeRows(y + 2 * yStride, f20, f21)
  storeRows(y + 3 * yStride, f30, f31)
}

@inline function storeRows(y: usize, first: v128, second: v128): void {
  v128.store(y, first)
  v128.store(y, second, 16)
}

/** f + w · x, multiplied, then added: never fused (SPEC NU3). */
@inline function addProduct(f: v128, w: v128, x: v128): v128 { return f32x4.add(f, f32x4.mul(w, x)) }
