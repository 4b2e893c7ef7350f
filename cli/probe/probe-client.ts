import type { ProbeAnswers, ProbeQuestion } from '../../shared/protocol/probe-api.ts'
import { CliError } from '../errors.ts'

/** The probe worker, wherever it runs. */
export interface ProbeClient {
  /** Throws `probe-refused` with what the worker said. */
  ask<K extends ProbeQuestion['kind']>(question: Extract<ProbeQuestion, { kind: K }>): Promise<ProbeAnswers[K]>
  /** Sends a request that is not answered, and leaves after `ms`. */
  leave(name: string, ms: number): Promise<void>
}

const ASK_MS_MAX = 30 * 60_000

/** @param url of the worker, without a slash at the end. */
export function createProbeClient(url: string, token: string): ProbeClient {
  const headers = { authorization: `Bearer ${token}` }
  return {
    async ask(question) {
      const body = JSON.stringify(question)
      const response = await fetch(`${url}/ask`, { method: 'POST', headers, body, signal: AbortSignal.timeout(ASK_MS_MAX) })
      const said = (await response.json().catch(() => ({ error: `status ${response.status}` }))) as { answer?: unknown; error?: string }
      if (!response.ok || said.answer === undefined) throw new CliError('probe-refused', said.error ?? `status ${response.status}`)
      return said.answer as never // ProbeResult's schema checks it before it is written
    },
    async leave(name, ms) {
      await fetch(`${url}/hang/${name}`, { headers, signal: AbortSignal.timeout(ms) }).then(
        () => Promise.reject(new CliError('probe-refused', 'the request was answered before its client left')),
        (error: unknown) => {
          if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error
        },
      )
    },
  }
}
