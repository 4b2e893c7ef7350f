import * as http from 'node:http'
import * as https from 'node:https'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { AnswerFault, createAnswerReader, errorCode } from './answer-events.ts'
import type { Answer, Output, RequestOutcome, Usage } from './request-record.ts'

/** A streamed POST, and how long it may take in all. */
export interface StreamCall {
  readonly url: URL
  readonly body: object
  readonly apiKey: string | null
  readonly timeoutMs: number
  readonly keepOutput: boolean
  readonly signal: AbortSignal
  readonly nowMs: () => number
}

export type StreamClient = { send(call: StreamCall): Promise<Answer>; close(): void }

/**
 * A client that measures: node:http, because it opens a connection when a request needs one and says when bytes come; no redirects, no retries.
 * Idle connections are kept two seconds: less than any server's limit that we met, so that none is closed under a new request.
 */
export function createStreamClient(): StreamClient {
  const options = { keepAlive: true, maxSockets: Infinity, timeout: IDLE_CONNECTION_MS }
  const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) }
  return {
    send: (call) => sendCall(call, agents),
    close: () => Object.values(agents).forEach((agent) => agent.destroy()),
  }
}

const IDLE_CONNECTION_MS = 2000

type Agents = { readonly 'http:': http.Agent; readonly 'https:': https.Agent }

/** What has come of an answer so far. */
interface Progress {
  readonly pieceMs: number[]
  readonly texts: string[]
  tokenIds: number[] | null
  usage: Usage | null
  finishReason: string | null
  done: boolean
}

async function sendCall(call: StreamCall, agents: Agents): Promise<Answer> {
  const progress: Progress = { pieceMs: [], texts: [], tokenIds: null, usage: null, finishReason: null, done: false }
  const deadline = new AbortController()
  const interrupt = () => deadline.abort('interrupted')
  const timer = setTimeout(() => deadline.abort('timeout'), call.timeoutMs)
  call.signal.addEventListener('abort', interrupt)
  if (call.signal.aborted) interrupt()
  const sentMs = call.nowMs()
  let outcome: RequestOutcome
  try {
    outcome = await exchange(call, agents, deadline.signal, progress)
  } catch (error) {
    outcome = deadline.signal.aborted ? abortedOutcome(deadline.signal.reason) : failedOutcome(error)
  } finally {
    clearTimeout(timer)
    call.signal.removeEventListener('abort', interrupt)
  }
  const output: Output | null = call.keepOutput ? { text: progress.texts.join(''), tokenIds: progress.tokenIds } : null
  return { outcome, sentMs, endMs: call.nowMs(), pieceMs: progress.pieceMs, usage: progress.usage, output }
}

async function exchange(call: StreamCall, agents: Agents, signal: AbortSignal, progress: Progress): Promise<RequestOutcome> {
  const response = await post(call, agents, signal)
  const status = response.statusCode ?? 0
  if (status !== 200) return { kind: 'error', code: `http-${status}:${await refusalCode(response)}`, status }
  if (!/^text\/event-stream\b/i.test(response.headers['content-type'] ?? '')) {
    response.destroy()
    return { kind: 'error', code: 'not-event-stream', status }
  }
  const reader = createAnswerReader((event) => {
    if (event.text !== '' || (event.tokenIds?.length ?? 0) > 0) progress.pieceMs.push(call.nowMs())
    if (call.keepOutput) {
      progress.texts.push(event.text)
      if (event.tokenIds) progress.tokenIds = (progress.tokenIds ?? []).concat(event.tokenIds)
    }
    progress.usage = event.usage ?? progress.usage
    progress.finishReason = event.finishReason ?? progress.finishReason
    progress.done ||= event.done
  })
  let bytesTotal = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytesTotal += chunk.byteLength
    if (bytesTotal > LIMITS.loadAnswerBytesMax) throw new AnswerFault('answer-too-large')
    reader.feed(chunk)
  }
  return endedOutcome(progress)
}

/** A stream that ended without error: is it an answer? */
function endedOutcome({ done, finishReason, pieceMs }: Progress): RequestOutcome {
  if (!done && finishReason === null) return { kind: 'error', code: 'stream-cut', status: 200 }
  if (pieceMs.length === 0) return { kind: 'error', code: 'no-output', status: 200 }
  return { kind: 'ok', finishReason }
}

function post({ url, body, apiKey }: StreamCall, agents: Agents, signal: AbortSignal): Promise<http.IncomingMessage> {
  const bytes = Buffer.from(JSON.stringify(body))
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    'content-length': bytes.byteLength,
    ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
  }
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(url, { method: 'POST', headers, agent: agents[secure ? 'https:' : 'http:'], signal }, resolve)
    request.on('error', reject)
    request.end(bytes)
  })
}

/** The code in the body of a refusal; the body is read no further than loadErrorBodyBytes. */
async function refusalCode(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytesTotal = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytesTotal += chunk.byteLength
    if (bytesTotal > LIMITS.loadErrorBodyBytes) break // leaving the loop destroys the response
  }
  try {
    return errorCode((JSON.parse(Buffer.concat(chunks).toString()) as { error?: unknown } | null)?.error)
  } catch {
    return 'unnamed' // no JSON: the status alone says what there is to say
  }
}

function abortedOutcome(reason: unknown): RequestOutcome {
  return reason === 'timeout' ? { kind: 'error', code: 'timeout', status: null } : { kind: 'interrupted' }
}

function failedOutcome(error: unknown): RequestOutcome {
  if (error instanceof AnswerFault) return { kind: 'error', code: error.code, status: 200 }
  const { code } = error as NodeJS.ErrnoException
  if (typeof code === 'string') return { kind: 'error', code: `connection:${code}`, status: null }
  throw error // a fault of ours
}
