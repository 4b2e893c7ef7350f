import { afterAll, beforeAll, expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { backToBase, heldState } from './base-state.ts'
import type { HeldState } from './base-state.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'
import { exchange, head, openSocket, statuses } from './raw-socket.ts'
import type { RawOptions } from './raw-socket.ts'

const MODEL = 'isomoe-demo'
const COMPLETIONS = 'POST /v1/completions'
const CLOSE = 'Connection: close'

let instance: Instance
let base: HeldState

beforeAll(async () => {
  instance = await startInstance([])
  expect(statuses(await exchange(instance.url, post({ max_tokens: 2 }), never))).toEqual([200]) // experts are loaded, sessions open
  base = await heldState(instance)
})

afterAll(async () => {
  expect(await instance.stop()).toBe(0)
})

const never = () => false
const answered = (answer: string) => statuses(answer).length > 0

function bodyOf(fields: object): string {
  return JSON.stringify({ model: MODEL, prompt: 'Once upon a time', ...fields })
}

/** A whole request, its length as told. */
function post(fields: object, length?: number): [string, string] {
  const body = bodyOf(fields)
  return [head(COMPLETIONS, [CLOSE, `Content-Length: ${length ?? body.length}`]), body]
}

function chunked(...parts: readonly string[]): string[] {
  return [head(COMPLETIONS, [CLOSE, 'Transfer-Encoding: chunked']), ...parts]
}

/** Statuses of what comes back; then the instance must serve as before. */
async function play(parts: Iterable<string | Uint8Array>, isEnough = answered, options: RawOptions = {}): Promise<number[]> {
  const answer = await exchange(instance.url, parts, isEnough, options)
  expect((await fetch(`${instance.url}/health`)).status).toBe(200)
  return statuses(answer)
}

interface Hostile {
  readonly what: string
  readonly parts: () => Iterable<string | Uint8Array>
  /** Statuses of the answers; none: the connection ends without one. */
  readonly want: readonly number[]
  /** The server closes while much of it is unread: the reset that follows may overtake the answer. */
  readonly answerMayBeLost?: true
  readonly isEnough?: (answer: string) => boolean
  readonly options?: RawOptions
}

const HALF = { options: { ending: 'half-close' }, isEnough: never } as const
const RESET = { options: { ending: 'reset' }, isEnough: never } as const
const FLOOD = Array.from({ length: 10_000 }, (_, i) => `x${i}: a`)

const HOSTILE: readonly Hostile[] = [
  { what: '10,000 headers', parts: () => [head('GET /health', [CLOSE, ...FLOOD])], want: [431] },
  { what: 'headers of 500 KB', parts: () => [head('GET /health', [`x: ${'a'.repeat(500_000)}`])], want: [431], answerMayBeLost: true },
  { what: 'a header that never ends', parts: () => ['GET /health HTTP/1.1\r\nx: ', 'a'.repeat(2_000_000)], want: [], isEnough: never },
  { what: 'a half-closed socket after the headers', parts: () => post({}).slice(0, 1), want: [], ...HALF },
  { what: 'a half-closed socket in the middle of the body', parts: () => [post({})[0], bodyOf({}).slice(0, 20)], want: [], ...HALF },
  { what: 'a half-closed socket before anything', parts: () => [], want: [], ...HALF },
  { what: 'a reset in the middle of an upload of 3 MiB', parts: () => [post({}, 3 << 20)[0], '{"prompt":"', 'a'.repeat(1 << 20)], want: [], ...RESET },
  { what: 'a reset at the first byte of work', parts: () => post({ max_tokens: 900, ignore_eos: true }), want: [], ...RESET },
  { what: 'headers a byte at a time', parts: () => Array.from(head('GET /health', [CLOSE])), want: [200] },
  { what: 'a body a byte at a time', parts: () => [post({ max_tokens: 1 })[0], ...bodyOf({ max_tokens: 1 })], want: [200] },
  { what: 'a body of chunks of one byte', parts: () => chunked(...Array.from(bodyOf({ max_tokens: 1 }), (c) => `1\r\n${c}\r\n`), '0\r\n\r\n'), want: [200] },
  { what: 'a body that is longer than its length', parts: () => post({}, 10), want: [400] },
  {
    what: 'garbage behind a request',
    parts: () => [head('GET /health'), '\0\x01GARBAGE\xff\r\n\r\n'],
    want: [200, 400],
    isEnough: (answer) => statuses(answer).length === 2,
  },
  {
    what: 'requests one behind the other',
    parts: () => [head('GET /health').repeat(20), head('GET /health', [CLOSE])],
    want: Array(21).fill(200),
    isEnough: never,
  },
  { what: 'a chunk whose size is no number', parts: () => chunked('zz\r\nabc\r\n0\r\n\r\n'), want: [400] },
  { what: 'a chunk of negative size', parts: () => chunked('-1\r\nabc\r\n0\r\n\r\n'), want: [400] },
  { what: 'a chunk of 2^64 bytes that never comes', parts: () => chunked('ffffffffffffffff\r\nabc'), want: [], ...HALF },
  { what: 'chunks without end', parts: () => chunked(...Array<string>(70).fill(`10000\r\n${' '.repeat(65_536)}\r\n`)), want: [413], answerMayBeLost: true },
  { what: 'two lengths', parts: () => [head(COMPLETIONS, ['Content-Length: 5', 'Content-Length: 6']), 'abcdef'], want: [400] },
  { what: 'a negative length', parts: () => [head(COMPLETIONS, ['Content-Length: -5']), 'abcdef'], want: [400] },
  { what: 'a length of 10 GB', parts: () => [head(COMPLETIONS, ['Content-Length: 9999999999']), 'abcdef'], want: [413] },
  {
    what: 'a length and chunks, with a second request in what the length leaves', // request smuggling
    parts: () => [head(COMPLETIONS, ['Content-Length: 5', 'Transfer-Encoding: chunked']), '0\r\n\r\n', head('GET /health', [CLOSE])],
    want: [400],
    isEnough: never,
  },
  { what: 'a websocket', parts: () => [head('GET /v1/completions', [CLOSE, ...upgrade('websocket')])], want: [405] },
  { what: 'an upgrade to HTTP/2', parts: () => [head('GET /health', [CLOSE, 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'])], want: [200] },
  { what: "HTTP/2's preface", parts: () => ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], want: [], isEnough: never },
  { what: "TLS's hello", parts: () => [Buffer.from(`160301020001000${'1fc0303'}${'ab'.repeat(200)}`, 'hex')], want: [400] },
  { what: 'U+0000 in a header', parts: () => [head('GET /health', ['x: a\0b'])], want: [400] },
  { what: 'U+0000 in a path', parts: () => [head('GET /hea\0lth')], want: [400] },
  { what: 'a path with broken UTF-8 and dots', parts: () => [head('GET /v1/models/%ff%00/%2e%2e/../%zz', [CLOSE])], want: [404] },
  { what: 'TRACE', parts: () => [head('TRACE /health', [CLOSE])], want: [405] },
]

function upgrade(protocol: string): string[] {
  return ['Connection: Upgrade', `Upgrade: ${protocol}`, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
}

it.each(HOSTILE)('[SE2] $what', async ({ parts, want, isEnough, options, answerMayBeLost }) => {
  const got = await play(parts(), isEnough, options)
  if (!(answerMayBeLost && got.length === 0)) expect(got).toEqual(want)
  await backToBase(instance, base)
})

it('[SE2] a hundred connections that say nothing, or not all, hold up nobody and are gone with their clients', async () => {
  const sockets = Array.from({ length: 100 }, () => openSocket(instance.url))
  for (const [i, socket] of sockets.entries()) {
    socket.on('error', () => undefined) // it is ours to reset
    await new Promise<void>((done) => socket.write(i % 2 === 0 ? 'G' : post({}, LIMITS.bodyBytesMax).join(''), () => done()))
  }
  expect(await play(post({ max_tokens: 1 }), never)).toEqual([200])
  for (const socket of sockets) socket.resetAndDestroy()
  await backToBase(instance, base)
})

it('[SE2] what broke off is no error of the server, in its log', async () => {
  const lines = (await instance.log()).split('\n').filter((line) => !line.includes('"code":"loading"')) // of before it was ready
  expect(lines.filter((line) => line.startsWith('error') || line.includes('a request failed') || /"status":5[0-9][0-9]/.test(line))).toEqual([])
})
