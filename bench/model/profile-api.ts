/** Kinds of kernels whose calls may be made again alone: none of them reads what it wrote. What is in no kind is in the total. */
export const KINDS = {
  matrices: /^(gemv|gemm|swiglu)/,
  attention: /^attention/,
} as const
export type Kind = keyof typeof KINDS

/** One decode frame that a host answered. */
export interface FrameNote {
  readonly sequence: number
  readonly layer: number
  readonly frameBytes: number
  readonly replyBytes: number
}

/** One call of an echo: what it carries, and to whom. */
export interface EchoCall {
  readonly host: string
  readonly frameBytes: number
  readonly replyBytes: number
}
