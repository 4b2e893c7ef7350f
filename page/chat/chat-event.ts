import type { Alternative, ScoredToken } from './token-pieces.ts'

/** What an event of a streamed chat says. */
export type ChatEvent =
  | { readonly type: 'text'; readonly text: string; readonly tokens: readonly ScoredToken[] }
  | { readonly type: 'finish'; readonly reason: string }
  | { readonly type: 'usage'; readonly promptTokens: number; readonly completionTokens: number; readonly cachedTokens: number }
  | { readonly type: 'error'; readonly code: string; readonly message: string }
  | { readonly type: 'done' }

/** The chunk as far as the page reads it: OpenAI's, from our own gateway. */
interface Chunk {
  readonly error?: { readonly code?: string | null; readonly message?: string }
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null }
    readonly logprobs?: { readonly content?: readonly ChunkToken[] | null } | null
    readonly finish_reason?: string | null
  }[]
  readonly usage?: {
    readonly prompt_tokens: number
    readonly completion_tokens: number
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null
  } | null
}

interface ChunkToken extends Alternative {
  readonly bytes?: readonly number[] | null
  readonly top_logprobs?: readonly Alternative[]
}

/** Reads the data of one server-sent event. What is no JSON is an error of the stream, never thrown. SPEC LP2. */
export function readChatEvents(data: string): readonly ChatEvent[] {
  if (data === '[DONE]') return [{ type: 'done' }]
  const chunk = parseChunk(data)
  if (chunk === null) return [{ type: 'error', code: 'invalid_event', message: 'The server sent an event that is not JSON.' }]
  if (chunk.error) return [{ type: 'error', code: chunk.error.code ?? 'unknown', message: chunk.error.message ?? 'The server does not say what failed.' }]
  const events: ChatEvent[] = []
  const choice = chunk.choices?.[0]
  const tokens = (choice?.logprobs?.content ?? []).map(scoredToken)
  const text = choice?.delta?.content ?? ''
  if (text !== '' || tokens.length > 0) events.push({ type: 'text', text, tokens })
  if (choice?.finish_reason) events.push({ type: 'finish', reason: choice.finish_reason })
  if (chunk.usage) {
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens, prompt_tokens_details: details } = chunk.usage
    events.push({ type: 'usage', promptTokens, completionTokens, cachedTokens: details?.cached_tokens ?? 0 })
  }
  return events
}

function scoredToken({ token, logprob, bytes, top_logprobs: top }: ChunkToken): ScoredToken {
  return { token, logprob, bytes: bytes ?? null, top: (top ?? []).map((each) => ({ token: each.token, logprob: each.logprob })) }
}

function parseChunk(data: string): Chunk | null {
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? (value as Chunk) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
