/**
 * The kernels, as wasm/assembly exports them. Every number named like a buffer is a byte address in the memory, every `…Stride` is in
 * bytes, every other count is in elements. Matrices are padded, rows to 16 and columns to 32 (shared/core/layout.ts), and `rows`, `cols`
 * are the padded sizes. Nothing is checked: who allocates the buffers knows their sizes. Kernels allocate nothing and keep nothing; while
 * one runs, it may use the memory below ARENA_START.
 * Addresses are best multiples of 16. Each file of wasm/assembly says layout and order of operations; the order is part of the contract.
 */
export interface KernelExports {
  /** y[rows] = W[rows, cols] · x[cols]. w: q4 (or a hi plane alone). x: records of quantize_rows. y: f32. */
  gemv_q4(w: number, x: number, y: number, rows: number, cols: number): void
  /** The same with nested 8-bit weights, in two planes. */
  gemv_q8(hi: number, lo: number, x: number, y: number, rows: number, cols: number): void
  /** The same with f32 weights; x: f32 [cols]. */
  gemv_f32(w: number, x: number, y: number, rows: number, cols: number): void
  /** y[tokens, rows] = x[tokens, cols] · Wᵀ. Each token has the bits of its own gemv. */
  gemm_q4(w: number, x: number, y: number, rows: number, cols: number, tokens: number, xStride: number, yStride: number): void
  gemm_q8(hi: number, lo: number, x: number, y: number, rows: number, cols: number, tokens: number, xStride: number, yStride: number): void
  gemm_f32(w: number, x: number, y: number, rows: number, cols: number, tokens: number, xStride: number, yStride: number): void
  /** y[cols] = W[row] as f32, with the values of decodeMatrix. */
  row_q4(w: number, row: number, cols: number, y: number): void
  row_q8(hi: number, lo: number, row: number, cols: number, y: number): void
  row_f32(w: number, row: number, cols: number, y: number): void
  /** f32 [tokens, cols] → int8 records, with the bits of quantizeActivations. cols % 32 = 0. */
  quantize_rows(x: number, out: number, cols: number, tokens: number, xStride: number, outStride: number): void

  /**
   * y = w · x / sqrt(mean(x²) + eps), `count` rows of n. y may be x. Here and in the next six, n is rounded up to 4: rows are padded
   * with zeros at least to there, and the padding stays zero.
   */
  rmsnorm(x: number, w: number, y: number, n: number, eps: number, count: number, xStride: number, yStride: number): void
  /** y += b, for `count` rows of y. */
  add_rows(y: number, b: number, n: number, count: number, yStride: number): void
  /** y += s · x. */
  axpy(y: number, x: number, s: number, n: number): void
  /** y *= s. */
  scale_row(y: number, s: number, n: number): void
  /** y = y limited to ± limit. */
  clamp_row(y: number, limit: number, n: number): void
  /** out = silu(gate) · up, `count` rows. out may be gate or up. */
  silu_mul(gate: number, up: number, out: number, n: number, count: number, gateStride: number, upStride: number, outStride: number): void
  /** Σ a·b. */
  dot_f32(a: number, b: number, n: number): number
  /**
   * out[tokens, hidden] = down(silu(gate(x)) · up(x)). hidden, width: padded in there. x: records of quantize_rows. Scratch: rows f32
   * [tokens, 2 · (width padded to 32)], inner records [tokens, width].
   */
  swiglu_q4(
    gate: number,
    up: number,
    down: number,
    x: number,
    xStride: number,
    rows: number,
    inner: number,
    out: number,
    outStride: number,
    hidden: number,
    width: number,
    tokens: number,
  ): void
  /** The same with nested 8-bit weights. */
  swiglu_q8(
    gate: number,
    gateLo: number,
    up: number,
    upLo: number,
    down: number,
    downLo: number,
    x: number,
    xStride: number,
    rows: number,
    inner: number,
    out: number,
    outStride: number,
    hidden: number,
    width: number,
    tokens: number,
  ): void
  /** The same with f32 weights; x: f32, padded with zeros. */
  swiglu_f32(
    gate: number,
    up: number,
    down: number,
    x: number,
    xStride: number,
    rows: number,
    out: number,
    outStride: number,
    hidden: number,
    width: number,
    tokens: number,
  ): void
  /** 1 / (1 + e^−x) of a number, not an address. */
  sigmoid(x: number): number

  /** Rotates one token's heads in place, pairs (i, i + headDim/2). cos, sin: f32 [headDim/2]. headDim even. */
  rope(q: number, cos: number, sin: number, heads: number, headDim: number, headStride: number): void
  /** [heads · headDim] → [heads] rows of headStride bytes (headDim floats rounded up to 4), zero filled. */
  split_heads(src: number, dst: number, heads: number, headDim: number, headStride: number): void
  /**
   * All tokens' heads of a layer: split, norm of each head (weights qNorm, kNorm; 0 for none), RoPE; queries to qHeads, keys and values to their
   * pages. coded: 1 for int8 pages, 0 for f32. positions i32, pages u32 a token. scratch: max(heads, kvHeads) rows of headStride bytes.
   */
  prepare_heads(
    coded: number,
    q: number,
    k: number,
    v: number,
    qHeads: number,
    qStride: number,
    kStride: number,
    vStride: number,
    qHeadsStride: number,
    cos: number,
    sin: number,
    angleStride: number,
    positions: number,
    pages: number,
    tokens: number,
    layerOffset: number,
    qNorm: number,
    kNorm: number,
    eps: number,
    heads: number,
    kvHeads: number,
    headDim: number,
    headStride: number,
    scratch: number,
  ): void
  /** out[t][heads · headDim] = softmax(scale · q·K) · V over the last `window` positions up to positions[t] (0: all), over f32 pages. */
  attention_f32: Attention
  /** The same over int8 pages. */
  attention_i8: Attention

  /**
   * For each token, chooses k experts and weighs them, by ascending expert: ids i32 [tokens, k], weights f32 [tokens, k]. bias: f32
   * [experts], 0 for none.
   * score: 0 softmax, 1 sigmoid. order: 0 score-then-topk, 1 topk-then-score. normalize: 0 or 1. scratch: 8 · experts bytes.
   */
  router_topk(
    logits: number,
    bias: number,
    experts: number,
    k: number,
    score: number,
    order: number,
    normalize: number,
    scale: number,
    ids: number,
    weights: number,
    scratch: number,
    tokens: number,
    logitsStride: number,
  ): void
  /** dst[i] = src[index[i]] for i < count: rows of `bytes`, a multiple of 16. index: u32. */
  gather_rows(src: number, stride: number, index: number, count: number, dst: number, bytes: number): void
  /**
   * residual[t] += multiplier · (Σ weights[t, slot] · rows[rowOf[t, slot]] + shared[t]), slots ascending, shared last. rowOf: u32
   * [tokens, topK], weights: f32 [tokens, topK]; shared: 0 for none. n is rounded up to 4.
   */
  combine_rows(
    residual: number,
    residualStride: number,
    rows: number,
    rowStride: number,
    rowOf: number,
    weights: number,
    topK: number,
    shared: number,
    sharedStride: number,
    multiplier: number,
    n: number,
    tokens: number,
  ): void
  /** x = softmax(x), in place; n ≥ 1 of any size, nothing beyond is touched. */
  softmax_row(x: number, n: number): void
  /** x = e^(x − max x), in place; returns the sum. */
  exp_row(x: number, n: number): number
  /** Index of the largest number, the lowest of equals; −1 when one is NaN. */
  argmax(x: number, n: number): number
}

/** q: as prepare_heads leaves them. tables: u32 a token, address of its page table: u32 page addresses from position 0. scratch: attentionScratchBytes. */
type Attention = (
  q: number,
  qStride: number,
  positions: number,
  tables: number,
  tokens: number,
  layerOffset: number,
  out: number,
  outStride: number,
  scratch: number,
  window: number,
  heads: number,
  kvHeads: number,
  headDim: number,
  headStride: number,
  scale: number,
) => void
