import type { GenerateRequest } from '../../../shared/protocol/engine-api.ts'

/** Most tokens that a request can use: each prompt once, whatever `n` is, and every sequence to its end. */
export function mostTokens({ prompts, n, maxTokens }: GenerateRequest, contextTokens: number): number {
  return prompts.reduce((sum, { length }) => {
    const left = Math.max(0, contextTokens - length)
    return sum + length + n * Math.min(maxTokens ?? left, left)
  }, 0)
}

/**
 * What a request has used so far, as its usage says it in the end: prompts that were computed, and tokens that came.
 * @param choices n of each prompt, in order; `firstMs` is null until the prompt is computed.
 */
export function usedTokens({ prompts, n }: GenerateRequest, choices: readonly { readonly tokens: number; readonly firstMs: number | null }[]): number {
  const computed = prompts.filter((_, prompt) => choices.slice(prompt * n, (prompt + 1) * n).some(({ firstMs }) => firstMs !== null))
  return computed.reduce((sum, { length }) => sum + length, 0) + choices.reduce((sum, { tokens }) => sum + tokens, 0)
}
