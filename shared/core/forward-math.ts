/** The leaves of the scalar forward. Storage is f32, sums are f64 and run in ascending order; nothing allocates. */

/** out[rows] = W[rows, cols] · x[cols] (+ bias[rows]), W row-major. */
export function matVec(out: Float32Array, w: Float32Array, x: Float32Array, bias: Float32Array | null): void {
  const cols = w.length / out.length
  for (let row = 0; row < out.length; row++) out[row] = dot(w, row * cols, x, 0, cols) + (bias ? bias[row]! : 0)
}

/** Σ a[aFrom + i] · b[bFrom + i] for i below `n`. */
export function dot(a: Float32Array, aFrom: number, b: Float32Array, bFrom: number, n: number): number {
  let sum = 0
  for (let i = 0; i < n; i++) sum += a[aFrom + i]! * b[bFrom + i]!
  return sum
}

/** y += factor · x, whole vectors. */
export function addScaled(y: Float32Array, factor: number, x: Float32Array): void {
  for (let i = 0; i < y.length; i++) y[i]! += factor * x[i]!
}

/** x *= factor. */
export function scale(x: Float32Array, factor: number): void {
  for (let i = 0; i < x.length; i++) x[i]! *= factor
}

/** Root mean square of a whole vector. */
export function rms(x: Float32Array): number {
  return Math.sqrt(dot(x, 0, x, 0, x.length) / x.length)
}

/** out = x / sqrt(mean(x²) + eps) · w over each run of w.length values; `out` may be `x`. */
export function rmsNorm(out: Float32Array, x: Float32Array, w: Float32Array, eps: number): void {
  const n = w.length
  for (let from = 0; from < x.length; from += n) {
    const inverse = 1 / Math.sqrt(dot(x, from, x, from, n) / n + eps)
    for (let i = 0; i < n; i++) out[from + i] = x[from + i]! * inverse * w[i]!
  }
}

/** Clamps a whole vector to ± limit. */
export function clip(x: Float32Array, limit: number): void {
  for (let i = 0; i < x.length; i++) x[i] = Math.min(Math.max(x[i]!, -limit), limit)
}

/** Rotates every head of x [heads, 2 · pairs] in place, pair i being (i, i + pairs). */
export function rotate(x: Float32Array, cos: Float32Array, sin: Float32Array): void {
  const pairs = cos.length
  for (let head = 0; head < x.length; head += 2 * pairs) {
    for (let i = 0; i < pairs; i++) {
      const [a, b] = [x[head + i]!, x[head + pairs + i]!]
      x[head + i] = a * cos[i]! - b * sin[i]!
      x[head + pairs + i] = b * cos[i]! + a * sin[i]!
    }
  }
}

/** gate = silu(gate) · up, where silu(x) = x · sigmoid(x). */
export function swiglu(gate: Float32Array, up: Float32Array): void {
  for (let i = 0; i < gate.length; i++) gate[i] = gate[i]! * sigmoid(gate[i]!) * up[i]!
}

export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}

/** Softmax of values[from, to) in place. */
export function softmax(values: Float64Array, from: number, to: number): void {
  let max = -Infinity
  for (let i = from; i < to; i++) max = Math.max(max, values[i]!)
  let sum = 0
  for (let i = from; i < to; i++) {
    values[i] = Math.exp(values[i]! - max)
    sum += values[i]!
  }
  for (let i = from; i < to; i++) values[i]! /= sum
}
