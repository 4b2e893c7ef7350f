import type { MoeError } from '../../../shared/protocol/errors.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { ScoredToken } from '../generate/choice-assembler.ts'
import type { ChatOutput } from './chat-call.ts'

/** A part of an answer, as the APIs have it that answer in parts. */
export type AnswerBlock =
  | { readonly kind: 'text'; readonly text: string; readonly scored: readonly ScoredToken[] }
  /** `arguments` is JSON text. */
  | { readonly kind: 'tool'; readonly id: string; readonly name: string; readonly arguments: string }

export type AnswerFinish = Omit<Extract<ChatOutput, { type: 'finish' }>, 'type' | 'index' | 'timings'>

/** An answer part by part: each opens empty, grows, and closes before the next; then one finish. An error is the last. */
export type BlockEvent =
  | { readonly type: 'open'; readonly at: number; readonly block: AnswerBlock }
  | { readonly type: 'text'; readonly at: number; readonly text: string; readonly scored: readonly ScoredToken[] }
  | { readonly type: 'arguments'; readonly at: number; readonly text: string }
  /** The whole part. `cut`: the answer's last token was not its end. */
  | { readonly type: 'close'; readonly at: number; readonly block: AnswerBlock; readonly cut: boolean }
  | ({ readonly type: 'finish' } & AnswerFinish)
  | { readonly type: 'error'; readonly error: MoeError }

type GrowingBlock = { kind: 'text'; text: string; scored: ScoredToken[] } | { kind: 'tool'; id: string; name: string; arguments: string }

/** The parts of a chat of one choice; what `open` carries grows, what `close` carries does not. Text that carries nothing opens no part. */
export async function* answerBlocks(outputs: AsyncIterable<ChatOutput>): AsyncGenerator<BlockEvent, void> {
  let at = -1
  let open: GrowingBlock | null = null
  let openCall = -1
  for await (const output of outputs) {
    if (output.type === 'error') {
      yield output
      return
    }
    if (output.type === 'reasoning') continue // the other APIs show it only where a request asks for it, which none of ours can
    if (output.type === 'text') {
      const { text, scored } = output
      if (text === '' && scored.length === 0) continue
      if (open?.kind !== 'text') {
        if (open !== null) yield { type: 'close', at, block: open, cut: false }
        open = { kind: 'text', text: '', scored: [] }
        yield { type: 'open', at: ++at, block: open }
      }
      open.text += text
      for (const token of scored) open.scored.push(token) // one by one: a call takes about 120,000 arguments
      yield { type: 'text', at, text, scored }
    } else if (output.type === 'tool-call') {
      if (open !== null) yield { type: 'close', at, block: open, cut: false }
      open = { kind: 'tool', id: output.id, name: output.name, arguments: '' }
      openCall = output.call
      yield { type: 'open', at: ++at, block: open }
    } else if (output.type === 'tool-arguments') {
      if (open?.kind !== 'tool' || output.call !== openCall) throw new Error(`arguments of call ${output.call}, which is not open`)
      open.arguments += output.text
      yield { type: 'arguments', at, text: output.text }
    } else {
      const { reason, stop, completionTokens, cachedTokens, reasoningTokens } = output
      if (open !== null) yield { type: 'close', at, block: open, cut: reason === 'length' }
      yield { type: 'finish', reason, stop, completionTokens, cachedTokens, reasoningTokens }
    }
  }
}

/** A whole answer; the first error is the answer. */
export async function collectBlocks(
  outputs: AsyncIterable<ChatOutput>,
): Promise<Result<{ readonly blocks: readonly { readonly block: AnswerBlock; readonly cut: boolean }[]; readonly finish: AnswerFinish }, MoeError>> {
  const blocks: { readonly block: AnswerBlock; readonly cut: boolean }[] = []
  for await (const event of answerBlocks(outputs)) {
    if (event.type === 'error') return err(event.error)
    if (event.type === 'close') blocks.push(event)
    if (event.type === 'finish') return ok({ blocks, finish: event })
  }
  throw new Error('a chat ended without a finish')
}
