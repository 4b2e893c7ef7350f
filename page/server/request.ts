import { authorization } from './keys.ts'

/** What the server or the network answered instead of what was asked. `status` 0: no answer at all. */
export interface Failure {
  readonly status: number
  readonly code: string
  readonly message: string
}

export type Answered<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure }

export interface RequestOptions {
  readonly key: string
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** One call to the API that serves this page: the response of a 2xx, else why not. Rejects only where the signal ended it. SPEC LP6. */
export async function send(path: string, { key, body, headers, signal }: RequestOptions): Promise<Answered<Response>> {
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const init: RequestInit = { headers: { ...json, ...authorization(key), ...headers }, signal, credentials: 'omit', redirect: 'error' }
  try {
    const response = await fetch(path, body === undefined ? init : { ...init, method: 'POST', body: JSON.stringify(body) })
    return response.ok ? { ok: true, value: response } : { ok: false, failure: failureOf(response.status, await response.text()) }
  } catch (error) {
    return { ok: false, failure: networkFailure(error, signal) }
  }
}

/** The same, with the JSON of its body. */
export async function sendForJson(path: string, options: RequestOptions): Promise<Answered<unknown>> {
  const sent = await send(path, options)
  if (!sent.ok) return sent
  try {
    return { ok: true, value: await sent.value.json() }
  } catch (error) {
    if (error instanceof SyntaxError)
      return { ok: false, failure: { status: sent.value.status, code: 'invalid_json', message: 'The server answered with what is not JSON.' } }
    return { ok: false, failure: networkFailure(error, options.signal) }
  }
}

/** What broke a call or its body on the way. What the signal ended, and a fault of ours, is thrown on. */
export function networkFailure(error: unknown, signal: AbortSignal): Failure {
  if (signal.aborted || !(error instanceof TypeError)) throw error // TypeError is fetch's word for the network
  return { status: 0, code: 'unreachable', message: 'The server did not answer.' }
}

/** The API's envelope, or what stands between us and it. */
export function failureOf(status: number, text: string): Failure {
  const error = envelope(text)
  return { status, code: error?.code ?? `http_${status}`, message: error?.message ?? `The server answered with status ${status}.` }
}

/** Whether a key would help: none was sent, or not the right one. */
export function wantsKey({ status }: Failure): boolean {
  return status === 401 || status === 403
}

function envelope(text: string): { readonly code?: string | null; readonly message?: string } | null {
  try {
    const value = JSON.parse(text) as { error?: { code?: string | null; message?: string } } | null
    return value?.error ?? null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
