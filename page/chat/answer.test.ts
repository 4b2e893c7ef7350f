import { expect, it } from 'vitest'
import { answerPace, answerText, beginAnswer, closeAnswer, growAnswer, stopAnswer } from './answer.ts'
import { readChatEvents } from './chat-event.ts'
import { chatRequest, SETTINGS_DEFAULT } from './conversation.ts'

const text = (content: string) =>
  readChatEvents(
    JSON.stringify({ choices: [{ delta: { content }, logprobs: { content: [{ token: content, logprob: -0.5, bytes: null, top_logprobs: [] }] } }] }),
  )
const finish = readChatEvents('{"choices":[{"delta":{},"finish_reason":"length"}],"usage":null}')
const usage = readChatEvents('{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3}}}')

it('[LP2] an answer grows with its text, ends with its reason, and takes its counts from the usage', () => {
  let answer = beginAnswer(100)
  for (const [events, atMs] of [
    [readChatEvents('{"choices":[{"delta":{"role":"assistant","content":""}}]}'), 110],
    [text('Once'), 150],
    [[...text(' upon'), ...text(' a')], 250],
    [text(' time'), 350],
    [finish, 350],
    [usage, 351],
    [readChatEvents('[DONE]'), 351],
  ] as const)
    answer = growAnswer(answer, events, atMs)
  expect(answerText(answer)).toBe('Once upon a time')
  expect(answer).toMatchObject({ end: { kind: 'finished', reason: 'length' }, tokenCount: 4, promptTokens: 9, cachedTokens: 3 })
  expect(answerPace(answer)).toEqual({ ttftMs: 50, tokensPerS: 15 })
  expect(closeAnswer(answer)).toBe(answer)
})

it('[LP2] an error ends it with its code and keeps the text; a cut stream is one, a stop is none', () => {
  const begun = growAnswer(beginAnswer(0), text('Once'), 1)
  const failed = growAnswer(begun, readChatEvents('{"error":{"code":"host_unavailable","message":"gone"}}'), 2)
  expect(failed).toMatchObject({ end: { kind: 'failed', code: 'host_unavailable', message: 'gone' }, pieces: [{ text: 'Once' }] })
  expect(growAnswer(failed, text('more'), 3)).toBe(failed)
  expect(closeAnswer(begun).end).toMatchObject({ kind: 'failed', code: 'stream_cut' })
  expect(growAnswer(stopAnswer(begun), text('more'), 3)).toMatchObject({ end: { kind: 'stopped' }, pieces: [{ text: 'Once' }] })
  expect(answerPace(begun)).toEqual({ ttftMs: 1, tokensPerS: null })
  expect(answerPace(beginAnswer(0))).toEqual({ ttftMs: null, tokensPerS: null })
})

it.each(['', '{', 'null', '7', '"text"'])('[LP2] what is no chunk (%j) is an error of the stream', (data) => {
  expect(readChatEvents(data)).toMatchObject([{ type: 'error', code: 'invalid_event' }])
})

it('[LP2] a request carries the turns that have answers, and no seed unless one is set', () => {
  const turn = (id: number, content: string) => ({
    id,
    question: `q${id}`,
    answer: content === '' ? beginAnswer(0) : growAnswer(beginAnswer(0), text(content), 1),
  })
  const request = chatRequest('m', [turn(0, 'a0'), turn(1, '')], 'next', SETTINGS_DEFAULT)
  expect(request.messages).toEqual([
    { role: 'user', content: 'q0' },
    { role: 'assistant', content: 'a0' },
    { role: 'user', content: 'next' },
  ])
  expect(request).toMatchObject({ stream: true, logprobs: true, top_logprobs: 5, stream_options: { include_usage: true } })
  expect('seed' in request).toBe(false)
  expect(chatRequest('m', [], 'next', { ...SETTINGS_DEFAULT, seed: 3 }).seed).toBe(3)
})
