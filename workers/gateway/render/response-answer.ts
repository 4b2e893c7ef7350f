import { answerBlocks } from '../chat/answer-blocks.ts'
import type { AnswerBlock, AnswerFinish } from '../chat/answer-blocks.ts'
import type { ChatOutput } from '../chat/chat-call.ts'
import { namedEvent } from '../http/sse.ts'
import { chatLogprobs } from './chat-logprobs.ts'
import { itemId, NOT_BEGUN, outputItem, responseObject, textPart } from './response-object.ts'
import type { ResponseView } from './response-object.ts'

const EMPTY_TEXT: AnswerBlock = { kind: 'text', text: '', scored: [] }

/** The answer in one piece. */
export function responseAnswer(
  view: ResponseView,
  { blocks, finish }: { readonly blocks: readonly { readonly block: AnswerBlock; readonly cut: boolean }[]; readonly finish: AnswerFinish },
  completedAt: number,
) {
  const parts = blocks.length > 0 ? blocks : [{ block: EMPTY_TEXT, cut: finish.reason === 'length' }]
  const output = parts.map(({ block, cut }, at) => outputItem(view, at, block, cut ? 'incomplete' : 'completed'))
  return responseObject(view, { output, finish, error: null, completedAt })
}

/**
 * The answer as OpenAI's events: created, in_progress; of each item added, its text or arguments as they come, done; at last completed,
 * incomplete or failed with the whole response. Numbered from 0; there is no [DONE]. SPEC AP11.
 */
export async function* responseEvents(view: ResponseView, outputs: AsyncIterable<ChatOutput>, nowS: () => number): AsyncGenerator<string, void> {
  let sequence = 0
  const event = (type: string, fields: object): string => namedEvent(type, { sequence_number: sequence++, ...fields })
  const output: object[] = []

  function* opened(at: number, block: AnswerBlock): Generator<string, void> {
    yield event('response.output_item.added', { output_index: at, item: outputItem(view, at, block, 'in_progress') })
    if (block.kind === 'text') yield event('response.content_part.added', { ...partAt(view, at), part: textPart(view, block) })
  }

  function* closed(at: number, block: AnswerBlock, cut: boolean): Generator<string, void> {
    if (block.kind === 'text') {
      const part = textPart(view, block)
      yield event('response.output_text.done', { ...partAt(view, at), text: block.text, logprobs: part.logprobs })
      yield event('response.content_part.done', { ...partAt(view, at), part })
    } else {
      yield event('response.function_call_arguments.done', { ...callAt(view, at), name: block.name, arguments: block.arguments })
    }
    const item = outputItem(view, at, block, cut ? 'incomplete' : 'completed')
    output.push(item)
    yield event('response.output_item.done', { output_index: at, item })
  }

  yield event('response.created', { response: responseObject(view, NOT_BEGUN) })
  yield event('response.in_progress', { response: responseObject(view, NOT_BEGUN) })
  for await (const part of answerBlocks(outputs)) {
    switch (part.type) {
      case 'open':
        yield* opened(part.at, part.block)
        break
      case 'text': {
        const logprobs = view.logprobs ? chatLogprobs(view.codec, part.scored).content : []
        yield event('response.output_text.delta', { ...partAt(view, part.at), delta: part.text, logprobs })
        break
      }
      case 'arguments':
        if (part.text !== '') yield event('response.function_call_arguments.delta', { ...callAt(view, part.at), delta: part.text })
        break
      case 'close':
        yield* closed(part.at, part.block, part.cut)
        break
      case 'finish': {
        if (output.length === 0) {
          yield* opened(0, EMPTY_TEXT)
          yield* closed(0, EMPTY_TEXT, part.reason === 'length')
        }
        const response = responseObject(view, { output, finish: part, error: null, completedAt: nowS() })
        yield event(`response.${response.status}`, { response })
        break
      }
      case 'error':
        yield event('response.failed', { response: responseObject(view, { output, finish: null, error: part.error, completedAt: null }) })
    }
  }
}

function partAt(view: ResponseView, at: number) {
  return { item_id: itemId(view, at, 'text'), output_index: at, content_index: 0 }
}

function callAt(view: ResponseView, at: number) {
  return { item_id: itemId(view, at, 'tool'), output_index: at }
}
