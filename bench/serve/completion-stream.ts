/** What a client saw of one streamed completion. Times are of performance.now(). */
export interface StreamedCompletion {
  /** When the first text came. */
  readonly firstTextMs: number
  readonly endMs: number
  readonly completionTokens: number
  /** Prompt tokens that were not computed again; null where the server does not say. */
  readonly cachedTokens: number | null
}

interface CompletionEvent {
  readonly choices: readonly { readonly text: string }[]
  readonly usage?: { readonly completion_tokens: number; readonly prompt_tokens_details?: { readonly cached_tokens?: number } } | null
  readonly error?: { readonly message: string }
}

/** Streams a completion as a client does: one request, server-sent events. Throws where the answer is an error or ends without its usage. */
export async function streamCompletion(url: string, body: object, onText: () => unknown = () => undefined): Promise<StreamedCompletion> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  })
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  const decoder = new TextDecoder()
  let unread = ''
  let firstTextMs = 0
  let usage: CompletionEvent['usage'] = null
  for await (const chunk of response.body!) {
    const { data, rest } = splitEvents(unread + decoder.decode(chunk, { stream: true }))
    unread = rest
    for (const json of data) {
      if (json === '[DONE]') continue
      const event = JSON.parse(json) as CompletionEvent
      if (event.error) throw new Error(event.error.message)
      usage = event.usage ?? usage
      if (!event.choices.some(({ text }) => text !== '')) continue
      if (firstTextMs === 0) firstTextMs = performance.now()
      onText()
    }
  }
  if (!usage || firstTextMs === 0) throw new Error('the stream ended without text or usage')
  const cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? null
  return { firstTextMs, endMs: performance.now(), completionTokens: usage.completion_tokens, cachedTokens }
}

/** Data of the server-sent events that are complete in `text`, and what is left. */
export function splitEvents(text: string): { readonly data: string[]; readonly rest: string } {
  const events = text.split('\n\n')
  const rest = events.pop()!
  return { data: events.filter((event) => event.startsWith('data: ')).map((event) => event.slice('data: '.length)), rest }
}
