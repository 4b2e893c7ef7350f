/**
 * x + ROUNDING − ROUNDING is the nearest integer to x, halves to even, for |x| ≤ 2^22: the sum has no bits below one. Its bits minus those of
 * ROUNDING are that integer.
 */
export const ROUNDING: f32 = 12582912
