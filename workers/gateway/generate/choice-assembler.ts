import type { TokenLogprob } from '../../../shared/protocol/engine-api.ts'
import type { TextCodec } from '../model/text-codec.ts'
import { Detokenizer } from './detokenizer.ts'
import { StopMatcher } from './stop-matcher.ts'

/** A token's log-probabilities, and where its text begins: code points from the beginning of the text. */
export interface ScoredToken {
  readonly token: TokenLogprob
  readonly offset: number
}

/** What may go out: text, and the tokens whose text begins in it. */
export interface Piece {
  readonly text: string
  readonly ids: readonly number[]
  /** Empty without log-probabilities. */
  readonly scored: readonly ScoredToken[]
}

interface WaitingToken {
  readonly id: number
  readonly logprob: TokenLogprob | null
  readonly offset: number
}

/**
 * Makes one choice's text of its tokens. A token waits with its text, so that ids and log-probabilities never run ahead of the text
 * and never tell of text behind a stop string.
 */
export class ChoiceAssembler {
  readonly #codec: TextCodec | null
  readonly #detokenizer: Detokenizer | null
  readonly #stops: StopMatcher
  readonly #special: ReadonlySet<number>
  #waiting: WaitingToken[] = []
  #decodedPoints = 0
  #releasedPoints = 0

  /**
   * @param codec null: no tokenizer, so the text stays empty and tokens go out at once.
   * @param context the prompt's ids if the text continues them, else none.
   * @param special ids of special tokens that are text all the same.
   */
  constructor(codec: TextCodec | null, stops: readonly string[], context: readonly number[], special: ReadonlySet<number> = new Set()) {
    this.#codec = codec
    this.#detokenizer = codec && new Detokenizer(codec, context.filter(codec.hasText))
    this.#stops = new StopMatcher(stops)
    this.#special = special
  }

  /** Takes the next token. With a `stop` string the choice is over: `finish` must not follow. */
  push(id: number, logprob: TokenLogprob | null): { readonly piece: Piece; readonly stop: string | null } {
    this.#waiting.push({ id, logprob, offset: this.#decodedPoints })
    const decoded = this.#codec?.hasText(id) === true || this.#special.has(id) ? (this.#detokenizer?.push(id) ?? '') : ''
    this.#decodedPoints += countCodePoints(decoded)
    const { text, stop } = this.#stops.push(decoded)
    return { piece: stop !== null ? this.#lastPiece(text) : this.#piece(text), stop }
  }

  /** The rest, when the engine says that the choice is over. `stop`: U+FFFD for an unfinished character completed a stop string. */
  finish(): { readonly piece: Piece; readonly stop: string | null } {
    const { text, stop } = this.#stops.push(this.#detokenizer?.flush() ?? '')
    return { piece: stop !== null ? this.#lastPiece(text) : this.#release(text + this.#stops.flush(), this.#waiting.length), stop }
  }

  #piece(text: string): Piece {
    const nothingHeld = this.#detokenizer?.pending !== true && !this.#stops.holding
    const released = this.#releasedPoints + countCodePoints(text)
    const begun = this.#waiting.findLastIndex((token) => token.offset < released) + 1
    return this.#release(text, nothingHeld ? this.#waiting.length : begun)
  }

  /** All ids count, up to the one that completed the stop string; log-probabilities only as far as the text goes. */
  #lastPiece(text: string): Piece {
    const piece = this.#release(text, this.#waiting.length)
    return { ...piece, scored: piece.scored.filter(({ offset }) => offset < this.#releasedPoints) }
  }

  #release(text: string, count: number): Piece {
    const tokens = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    this.#releasedPoints += countCodePoints(text)
    return {
      text,
      ids: tokens.map(({ id }) => id),
      scored: tokens.flatMap(({ logprob, offset }) => (logprob === null ? [] : [{ token: logprob, offset }])),
    }
  }
}

/** Length as OpenAI counts it in text offsets. */
export function countCodePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
