import { readEvents } from '../server/event-stream.ts'
import { networkFailure, send } from '../server/request.ts'
import type { Failure } from '../server/request.ts'
import { readChatEvents } from './chat-event.ts'
import { closeAnswer, growAnswer } from './answer.ts'
import type { Answer } from './answer.ts'
import type { ChatEvent } from './chat-event.ts'

export interface AskOptions {
  readonly key: string
  readonly body: object
  readonly signal: AbortSignal
  nowMs(): number
  /** Told why it was refused before it began. */
  onRefused(failure: Failure): void
  /** Told of each change, as often as parts of the stream come. */
  onAnswer(answer: Answer): void
}

/** Sends a chat and follows its answer to the end; gives the last state of it. Rejects only where the signal ended it. SPEC LP2. */
export async function ask(begun: Answer, { key, body, signal, nowMs, onRefused, onAnswer }: AskOptions): Promise<Answer> {
  let answer = begun
  const grow = (events: readonly ChatEvent[]): void => {
    answer = growAnswer(answer, events, nowMs())
    onAnswer(answer)
  }
  const sent = await send('/v1/chat/completions', { key, body, signal })
  if (!sent.ok) {
    onRefused(sent.failure)
    grow([{ type: 'error', code: sent.failure.code, message: sent.failure.message }])
    return answer
  }
  try {
    await readEvents(sent.value.body!, (events) => grow(events.flatMap(({ data }) => readChatEvents(data))))
  } catch (error) {
    const { code, message } = error instanceof RangeError ? { code: 'event_too_large', message: error.message } : networkFailure(error, signal)
    grow([{ type: 'error', code, message }])
  }
  signal.throwIfAborted()
  answer = closeAnswer(answer)
  onAnswer(answer)
  return answer
}
