import { afterEach, expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { createStreamClient } from './http-client.ts'
import type { StreamCall } from './http-client.ts'
import { answerWell, event, startFakeServer } from './testing/fake-server.ts'
import type { Answering, FakeServer } from './testing/fake-server.ts'

const open: FakeServer[] = []
afterEach(async () => void (await Promise.all(open.splice(0).map((server) => server.close()))))

/** Sends one request to a server that answers like this. */
async function ask(answering: Answering, over: Partial<StreamCall> = {}) {
  const server = await startFakeServer(answering)
  open.push(server)
  const client = createStreamClient()
  const call = { url: new URL(`${server.url}/v1/completions`), body: { prompt: 'x', max_tokens: 3 }, apiKey: null, timeoutMs: 20_000, keepOutput: true }
  const answer = await client.send({ ...call, signal: new AbortController().signal, nowMs: () => performance.now(), ...over })
  client.close()
  return answer
}

const stream = (response: Parameters<Answering>[0]) => response.writeHead(200, { 'content-type': 'text/event-stream' })
const text = (word: string) => event({ choices: [{ text: word }] })

it('[LT4] a good answer: pieces, usage, text', async () => {
  const { outcome, pieceMs, usage, output, sentMs, endMs } = await ask(answerWell)
  expect(outcome).toEqual({ kind: 'ok', finishReason: 'length' })
  expect(pieceMs).toHaveLength(3)
  expect([sentMs, ...pieceMs, endMs].every((ms, i, all) => i === 0 || ms >= all[i - 1]!)).toBe(true)
  expect(usage).toEqual({ promptTokens: 7, completionTokens: 3, cachedTokens: 2 })
  expect(output).toEqual({ text: 't0 t1 t2 ', tokenIds: null })
})

it('[LT4] the key goes into its header only, ids are kept in order', async () => {
  let authorization: string | undefined
  const { output } = await ask(
    (response, _, request) => {
      authorization = request.headers.authorization
      stream(response)
      response.write(event({ choices: [{ text: 'a', token_ids: [1, 2] }] }))
      response.end(event({ choices: [{ text: 'b', token_ids: [3], finish_reason: 'stop' }] }) + event('[DONE]'))
    },
    { apiKey: 'secret' },
  )
  expect(authorization).toBe('Bearer secret')
  expect(output).toEqual({ text: 'ab', tokenIds: [1, 2, 3] })
})

const HOSTILE: readonly [name: string, code: string, status: number | null, Answering][] = [
  ['a refusal with a code', 'http-429:overloaded', 429, (r) => r.writeHead(429).end('{"error":{"message":"m","type":"t","param":null,"code":"overloaded"}}')],
  ['a refusal that is no JSON', 'http-502:unnamed', 502, (r) => r.writeHead(502).end('<html>bad gateway</html>')],
  ['a refusal of JSON null', 'http-500:unnamed', 500, (r) => r.writeHead(500).end('null')],
  ['a refusal without end', 'http-500:unnamed', 500, (r) => void (r.writeHead(500), writeForever(r, 'x'.repeat(60_000)))],
  ['a redirect', 'http-307:unnamed', 307, (r) => r.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
  ['another content type', 'not-event-stream', 200, (r) => r.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[]}')],
  ['garbage', 'event-invalid', 200, (r) => stream(r).end('data: {{{\n\n')],
  ['an error in the middle', 'stream-error:internal_error', 200, (r) => stream(r).end(text('a') + event({ error: { message: 'm', code: 'internal_error' } }))],
  ['half an event, then the end', 'stream-cut', 200, (r) => stream(r).end(`${text('a')}data: {"choi`)],
  ['no end of the answer', 'stream-cut', 200, (r) => stream(r).end(text('a'))],
  ['an empty body', 'stream-cut', 200, (r) => stream(r).end()],
  ['an end without output', 'no-output', 200, (r) => stream(r).end(event('[DONE]'))],
  ['a reset', 'connection:ECONNRESET', null, (r) => void stream(r).write(text('a'), () => r.destroy())],
  ['an endless answer', 'answer-too-large', 200, (r) => void writeForever(stream(r), text('y'.repeat(500_000)))],
  ['an endless event', 'event-too-large', 200, (r) => void (stream(r).write('data: '), writeForever(r, 'y'.repeat(500_000)))],
]

/** As much as the reader takes, until it goes. */
function writeForever(response: Parameters<Answering>[0], piece: string): void {
  const more = () => {
    if (response.destroyed) return
    response.write(piece, more)
  }
  more()
}

it.each(HOSTILE)('[LT4] %s is counted as %s', async (_, code, status, answering) => {
  const { outcome } = await ask(answering)
  expect(outcome).toEqual({ kind: 'error', code, status })
})

it('[LT4] an endless answer costs no more memory than its bound', async () => {
  const before = process.memoryUsage().rss
  const answers = await Promise.all(Array.from({ length: 3 }, () => ask((r) => writeForever(stream(r), text('y'.repeat(500_000))), { keepOutput: false })))
  expect(answers.every(({ pieceMs }) => pieceMs.length < LIMITS.loadAnswerBytesMax / 500_000)).toBe(true)
  expect(process.memoryUsage().rss - before).toBeLessThan(400e6)
})

it.each<[string, Answering]>([
  ['a server that never answers', () => undefined],
  ['one that stops in the middle', (r) => void stream(r).write(text('a'))],
  ['one that never ends a refusal', (r) => void r.writeHead(500).write('{')],
])('[LT4] %s is a timeout', async (_, answering) => {
  expect((await ask(answering, { timeoutMs: 150 })).outcome).toEqual({ kind: 'error', code: 'timeout', status: null })
})

it('[LT4] a closed port is an error of the connection; the end of the run is none', async () => {
  expect((await ask(answerWell, { url: new URL('http://127.0.0.1:1/v1/completions') })).outcome).toEqual({
    kind: 'error',
    code: 'connection:ECONNREFUSED',
    status: null,
  })
  const ended = new AbortController()
  const outcome = ask((r) => void stream(r).write(text('a'), () => ended.abort()), { signal: ended.signal })
  expect((await outcome).outcome).toEqual({ kind: 'interrupted' })
  expect((await ask(answerWell, { signal: AbortSignal.abort() })).outcome).toEqual({ kind: 'interrupted' })
})
