/** A token and its probability, as the server says it. */
export interface ScoredToken {
  readonly token: string
  /** Natural log of the model's own probability. */
  readonly logprob: number
  /** Of its UTF-8 text; null where the server does not say them. */
  readonly bytes: readonly number[] | null
  /** What could have stood here, best first. */
  readonly top: readonly Alternative[]
}

export interface Alternative {
  readonly token: string
  readonly logprob: number
}

/** A part of an answer's text, and the tokens that it is made of: several where a character takes more than one; none where there are no probabilities. */
export interface Piece {
  readonly text: string
  readonly tokens: readonly ScoredToken[]
}

/**
 * Divides the text of one chunk over its tokens. The server sends the tokens of a character together (docs/design/api.md), so their bytes are whole
 * characters between them. Where they do not make up the text, it is one piece with all tokens: text is never lost, and never made up. SPEC LP3.
 */
export function splitPieces(text: string, tokens: readonly ScoredToken[]): readonly Piece[] {
  const pieces = piecesOf(tokens)
  if (pieces.map((piece) => piece.text).join('') === text) return pieces.filter((piece) => piece.text !== '')
  return text === '' ? [] : [{ text, tokens }]
}

function piecesOf(tokens: readonly ScoredToken[]): Piece[] {
  const pieces: Piece[] = []
  let begun: ScoredToken[] = []
  for (const token of tokens) {
    begun.push(token)
    const text = textOf(begun)
    if (text === null) continue
    pieces.push({ text, tokens: begun })
    begun = []
  }
  if (begun.length > 0) pieces.push({ text: begun.map(({ token }) => token).join(''), tokens: begun })
  return pieces
}

/** What the bytes of the tokens say together; null while a character is unfinished. */
function textOf(tokens: readonly ScoredToken[]): string | null {
  const [first] = tokens
  if (tokens.length === 1 && first!.bytes === null) return first!.token
  const bytes = tokens.flatMap((token) => [...(token.bytes ?? new TextEncoder().encode(token.token))])
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch (error) {
    if (error instanceof TypeError) return null // how a fatal decoder says that it is no UTF-8
    throw error
  }
}
