import { createStreamClient } from '../../cli/load/http-client.ts'

/** What a client saw of one streamed completion. Times are of performance.now(). */
export interface StreamedCompletion {
  /** When the first token came. Its id is asked for: a token alone need not be text. */
  readonly firstTokenMs: number
  readonly endMs: number
  readonly completionTokens: number
  /** Prompt tokens that were not computed again; null where the server does not say. */
  readonly cachedTokens: number | null
}

const TIMEOUT_MS = 300_000

const client = createStreamClient()

/** Streams a completion as a client does: one request, server-sent events. Throws where the answer is an error or ends without token or usage. */
export async function streamCompletion(url: string, body: object): Promise<StreamedCompletion> {
  const { outcome, pieceMs, endMs, usage } = await client.send({
    url: new URL(`${url}/v1/completions`),
    body: { ...body, stream: true, return_token_ids: true, stream_options: { include_usage: true } },
    apiKey: null,
    timeoutMs: TIMEOUT_MS,
    keepOutput: false,
    signal: new AbortController().signal,
    nowMs: () => performance.now(),
  })
  if (outcome.kind !== 'ok') throw new Error(outcome.kind === 'error' ? outcome.code : outcome.kind)
  if (usage === null) throw new Error('the stream ended without its usage')
  return { firstTokenMs: pieceMs[0]!, endMs, completionTokens: usage.completionTokens, cachedTokens: usage.cachedTokens }
}
