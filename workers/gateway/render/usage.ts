/** OpenAI's usage. A prompt counts once, however many choices it has. */
export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
}

/** What one choice used, in the order of its index. */
export interface ChoiceUsage {
  readonly completionTokens: number
  readonly cachedTokens: number
}

/** @param choices of prompt p: those from p · n on. Of their cached tokens the fewest count: what one choice of a prompt computes, the others find. */
export function usageOf(prompts: readonly { readonly ids: readonly number[] }[], choices: readonly ChoiceUsage[]): Usage {
  const n = choices.length / prompts.length
  const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0)
  const completionTokens = choices.reduce((sum, choice) => sum + choice.completionTokens, 0)
  const cached = prompts.map((_, p) => Math.min(...choices.slice(p * n, (p + 1) * n).map((choice) => choice.cachedTokens)))
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cached.reduce((sum, tokens) => sum + tokens, 0) },
  }
}
