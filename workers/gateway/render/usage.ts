/** OpenAI's usage. A prompt counts once, however many choices it has. */
export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
}

export function usageOf(prompts: readonly { readonly ids: readonly number[] }[], completionTokens: number): Usage {
  const promptTokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
  }
}
