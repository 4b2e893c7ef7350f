import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a fake server does with a POST; `body` is its JSON. */
export type Answering = (response: ServerResponse, body: FakeRequest, request: IncomingMessage) => void

export interface FakeRequest {
  readonly model: string
  readonly max_tokens: number
  readonly seed: number
  readonly prompt?: string
  readonly messages?: readonly { readonly content: string }[]
}

export interface FakeServer {
  readonly url: string
  readonly requests: FakeRequest[]
  /** Of what was asked of /admin. */
  readonly adminKeys: (string | undefined)[]
  close(): Promise<void>
}

/** A small OpenAI-compatible server: lists the model `fake`, and answers as `answer` says. Other paths are 404; with an API key all is 401 without it. */
export async function startFakeServer(answer: Answering, { apiKey = null as string | null } = {}): Promise<FakeServer> {
  const requests: FakeRequest[] = []
  const adminKeys: (string | undefined)[] = []
  const server = createServer((request, response) => {
    if (apiKey !== null && request.headers.authorization !== `Bearer ${apiKey}`) return void response.writeHead(401).end()
    if (request.url === '/v1/models') return void response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: [{ id: 'fake' }] }))
    if (request.url?.startsWith('/admin/')) adminKeys.push(request.headers.authorization)
    if (request.method !== 'POST') return void response.writeHead(404).end()
    let text = ''
    request.on('data', (data: Buffer) => (text += data.toString()))
    request.on('end', () => {
      requests.push(JSON.parse(text) as FakeRequest)
      answer(response, requests.at(-1)!, request)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    adminKeys,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

export function event(data: unknown): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

/** A whole answer of `max_tokens` tokens, as a good server gives it. */
export const answerWell: Answering = (response, { max_tokens: tokens, messages }) => {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  const choice = (text: string) => (messages ? { delta: { content: text } } : { text })
  for (let i = 0; i < tokens; i++) response.write(event({ choices: [{ ...choice(`t${i} `), finish_reason: null }] }))
  response.write(event({ choices: [{ ...choice(''), finish_reason: 'length' }] }))
  response.write(event({ choices: [], usage: { prompt_tokens: 7, completion_tokens: tokens, prompt_tokens_details: { cached_tokens: 2 } } }))
  response.end(event('[DONE]'))
}
