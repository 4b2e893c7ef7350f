import { createStreamClient } from './http-client.ts'
import type { SendRequest } from './drive.ts'
import type { LoadRequest } from './load-plan.ts'

export const APIS = ['completions', 'chat'] as const
export type Api = (typeof APIS)[number]

/** Where requests go and what all of them have in common. */
export interface Target {
  /** The server, with or without the `/v1` at its end. */
  readonly url: string
  readonly api: Api
  readonly model: string
  readonly apiKey: string | null
  readonly temperature: number
  /** vLLM's `ignore_eos`, which OpenAI's own servers refuse: outputs have their full length. */
  readonly ignoreEos: boolean
  /** Asks for token ids (`return_token_ids`: vLLM and isomoe) and keeps texts and ids. */
  readonly keepOutputs: boolean
  readonly timeoutMs: number
}

/** A sender of streamed requests, and how to close its connections. */
export function createSender(target: Target, nowMs: () => number): { readonly send: SendRequest; readonly close: () => void } {
  const client = createStreamClient()
  const url = apiUrl(target.url, target.api === 'chat' ? 'chat/completions' : 'completions')
  const send: SendRequest = (request, signal) =>
    client.send({ url, body: requestBody(target, request), apiKey: target.apiKey, timeoutMs: target.timeoutMs, keepOutput: target.keepOutputs, signal, nowMs })
  return { send, close: () => client.close() }
}

/** The URL of an endpoint below `/v1`. */
export function apiUrl(server: string, path: string): URL {
  return new URL(`${serverRoot(server)}/v1/${path}`)
}

/** The server without `/v1` and slashes. */
export function serverRoot(server: string): string {
  return server.replace(/\/+$/, '').replace(/\/v1$/, '')
}

export function requestBody(target: Target, request: LoadRequest): object {
  const { before, after } = request.completion ?? { before: '', after: '' }
  const text = target.api === 'chat' ? { messages: [{ role: 'user', content: request.prompt }] } : { prompt: before + request.prompt + after }
  return {
    model: target.model,
    ...text,
    max_tokens: request.maxTokens,
    temperature: target.temperature,
    seed: request.seed,
    stream: true,
    stream_options: { include_usage: true },
    ...(target.ignoreEos && { ignore_eos: true }),
    ...(target.keepOutputs && { return_token_ids: true }),
  }
}
