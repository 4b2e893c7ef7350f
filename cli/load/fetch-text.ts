export interface TextRequest {
  readonly apiKey: string | null
  readonly signal: AbortSignal
  readonly charsMax: number
  readonly accept?: string
}

/** How asking for a text went: its pieces were all handed on, or why not. */
export type Fetched = { readonly ok: true } | { readonly ok: false; readonly reason: string }

/** Hands a text on piece by piece, as it comes; at most `charsMax` of it. Never rejects for what the server or the network did. No redirects. */
export async function fetchPieces(url: string, { apiKey, signal, charsMax, accept }: TextRequest, onPiece: (text: string) => void): Promise<Fetched> {
  const headers = { ...(accept !== undefined && { accept }), ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }) }
  try {
    const response = await fetch(url, { headers, signal, redirect: 'manual' })
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel()
      return { ok: false, reason: `status ${response.status}` }
    }
    const decoder = new TextDecoder()
    let chars = 0
    for await (const bytes of response.body) {
      const text = decoder.decode(bytes, { stream: true })
      chars += text.length
      if (chars > charsMax) return { ok: false, reason: `more than ${charsMax} characters` } // leaving the loop cancels the body
      onPiece(text)
    }
    return { ok: true }
  } catch (error) {
    const reason = transportReason(error)
    if (reason === null) throw error
    return { ok: false, reason }
  }
}

/** The whole text, null where it did not come. */
export async function fetchText(url: string, request: TextRequest): Promise<{ readonly text: string } | { readonly text: null; readonly reason: string }> {
  let text = ''
  const fetched = await fetchPieces(url, request, (piece) => (text += piece))
  return fetched.ok ? { text } : { text: null, reason: fetched.reason }
}

/** The value, undefined where it is no JSON: a schema refuses that. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** fetch's ways to say that the network, a deadline or a signal ended it; null for a fault of ours. */
function transportReason(error: unknown): string | null {
  if (error instanceof DOMException && (error.name === 'AbortError' || error.name === 'TimeoutError')) return error.message
  if (!(error instanceof TypeError)) return null
  return error.cause instanceof Error ? `${error.message} (${error.cause.message || errorCodeOf(error.cause)})` : error.message
}

/** Where several addresses were tried, the cause is their list and has no message. */
function errorCodeOf(cause: Error): string {
  return 'code' in cause ? String(cause.code) : cause.name
}
