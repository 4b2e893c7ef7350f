import type { Piece, ScoredToken } from '../generate/choice-assembler.ts'
import type { ChoiceOutput } from '../generate/generation.ts'
import type { ChatFinishReason, ChatOutput } from './chat-call.ts'
import type { OutputParser, ParsedOutput } from './output-parser.ts'

type Finish = Extract<ChoiceOutput, { type: 'finish' }>

/**
 * Makes chat outputs of one choice's pieces. Token ids go out at once, whatever they are part of. Log-probabilities are those of the text:
 * tokens wait with their text, and are dropped where it turns out to be a call or reasoning; marks in front of text count as text. SPEC TC6.
 */
export class ChoiceReader {
  readonly #index: number
  readonly #parser: OutputParser
  readonly #newCallId: () => string
  #waiting: ScoredToken[] = []
  #thought = false
  #answering = false
  /** Tokens before the first that the answer shows: a thought, its marks and the space behind it. */
  #tokensBefore = 0

  constructor(index: number, parser: OutputParser, newCallId: () => string) {
    this.#index = index
    this.#parser = parser
    this.#newCallId = newCallId
  }

  push({ text, ids, scored }: Piece): ChatOutput[] {
    const parsed = this.#parser.push(text)
    this.#thought ||= parsed.some(({ type }) => type === 'reasoning')
    this.#answering ||= parsed.some(({ type }) => type !== 'reasoning')
    if (!this.#answering) this.#tokensBefore += ids.length
    return this.#outputs(parsed, ids, scored)
  }

  finish(finish: Finish): ChatOutput[] {
    const rest = this.#parser.finish()
    const whole = this.#parser.wholeCalls
    const reason: ChatFinishReason = finish.reason === 'stop' && whole !== null && whole > 0 ? 'tool_calls' : finish.reason
    const outputs = this.#outputs(rest, [], [])
    const unread = whole === 0 ? this.#waiting : []
    const last: ChatOutput[] = unread.length === 0 ? [] : [{ type: 'text', index: this.#index, text: '', ids: [], scored: unread }]
    return [...outputs, ...last, { ...finish, reason, reasoningTokens: this.#thought ? this.#tokensBefore : 0 }]
  }

  #outputs(parsed: readonly ParsedOutput[], ids: readonly number[], scored: readonly ScoredToken[]): ChatOutput[] {
    const index = this.#index
    const known = this.#scoredOf(parsed, scored)
    const outputs = parsed.map((output): ChatOutput => {
      switch (output.type) {
        case 'text':
          return { type: 'text', index, text: output.text, ids: [], scored: [] }
        case 'reasoning':
          return { type: 'reasoning', index, text: output.text }
        case 'tool-call':
          return { ...output, index, id: this.#newCallId() }
        case 'tool-arguments':
          return { ...output, index }
      }
    })
    if (ids.length === 0 && known.length === 0) return outputs
    const at = outputs.findIndex((output) => output.type === 'text')
    const text = outputs[at]
    if (text?.type !== 'text') return [{ type: 'text', index, text: '', ids, scored: known }, ...outputs]
    outputs[at] = { ...text, ids, scored: known }
    return outputs
  }

  /** The log-probabilities that this text settles. */
  #scoredOf(parsed: readonly ParsedOutput[], scored: readonly ScoredToken[]): ScoredToken[] {
    for (const token of scored) this.#waiting.push(token)
    if (parsed.length === 0) return []
    const settled = this.#waiting
    this.#waiting = []
    return parsed.some(({ type }) => type === 'text') ? settled : []
  }
}
