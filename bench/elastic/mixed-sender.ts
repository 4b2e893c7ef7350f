import { MONOTONIC } from '../../cli/load/clock.ts'
import type { SendRequest } from '../../cli/load/drive.ts'
import { createSender } from '../../cli/load/send-request.ts'

/** Requests of full length whose outputs are kept: every other one greedy, the others sampled by their own seed. */
export function createMixedSender(url: string, model: string): { readonly send: SendRequest; readonly close: () => void } {
  const target = { url, api: 'completions', model, apiKey: null, ignoreEos: true, keepOutputs: true, timeoutMs: 60_000 } as const
  const senders = [0, 0.8].map((temperature) => createSender({ ...target, temperature }, MONOTONIC.nowMs))
  return {
    send: (request, signal) => senders[request.index % senders.length]!.send(request, signal),
    close: () => senders.forEach(({ close }) => close()),
  }
}
