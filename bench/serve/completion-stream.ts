/** What a client saw of one streamed completion. Times are of performance.now(). */
export interface StreamedCompletion {
  /** When the first token came. Its id is asked for: a token alone need not be text. */
  readonly firstTokenMs: number
  readonly endMs: number
  readonly completionTokens: number
  /** Prompt tokens that were not computed again; null where the server does not say. */
  readonly cachedTokens: number | null
}

interface CompletionEvent {
  readonly choices: readonly { readonly token_ids: readonly number[] }[]
  readonly usage?: { readonly completion_tokens: number; readonly prompt_tokens_details?: { readonly cached_tokens?: number } } | null
  readonly error?: { readonly message: string }
}

/** Streams a completion as a client does: one request, server-sent events. Throws where the answer is an error or ends without token or usage. */
export async function streamCompletion(url: string, body: object, onToken: () => unknown = () => undefined): Promise<StreamedCompletion> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true, return_token_ids: true, stream_options: { include_usage: true } }),
  })
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  const decoder = new TextDecoder()
  let unread = ''
  let firstTokenMs = 0
  let usage: CompletionEvent['usage'] = null
  for await (const chunk of response.body!) {
    const { data, rest } = splitEvents(unread + decoder.decode(chunk, { stream: true }))
    unread = rest
    for (const json of data) {
      if (json === '[DONE]') continue
      const event = JSON.parse(json) as CompletionEvent
      if (event.error) throw new Error(event.error.message)
      usage = event.usage ?? usage
      if (!event.choices.some(({ token_ids }) => token_ids.length > 0)) continue
      if (firstTokenMs === 0) firstTokenMs = performance.now()
      onToken()
    }
  }
  if (!usage || firstTokenMs === 0) throw new Error('the stream ended without a token or its usage')
  const cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? null
  return { firstTokenMs, endMs: performance.now(), completionTokens: usage.completion_tokens, cachedTokens }
}

/** Data of the server-sent events that are complete in `text`, and what is left. */
export function splitEvents(text: string): { readonly data: string[]; readonly rest: string } {
  const events = text.split('\n\n')
  const rest = events.pop()!
  return { data: events.filter((event) => event.startsWith('data: ')).map((event) => event.slice('data: '.length)), rest }
}
