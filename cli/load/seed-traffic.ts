import { MONOTONIC } from './clock.ts'
import { resolveMix } from './mix.ts'
import type { ResolvedMix } from './mix.ts'
import { readMix } from './read-mix.ts'
import { runLoad } from './run-load.ts'
import { createSender } from './send-request.ts'

export interface SeedTraffic {
  /** Ends it; what is under way is cancelled. */
  stop(): Promise<void>
}

/** Small enough to leave a laptop usable, enough to keep experts hot. */
const WORKERS = 2
const MAX_TOKENS = 48
/** The mix begins anew after this time. */
const PERIOD_MS = 120_000

/** A mix for `startSeedTraffic`, checked whole: before anything is started for it. */
export async function readSeedMix(nameOrPath: string): Promise<ResolvedMix> {
  return resolveMix(await readMix(nameOrPath), PERIOD_MS, new Map())
}

/**
 * Traffic of our own for a server that was just started, so that somebody who looks at it sees heat and scaling: a closed loop over a mix, again and again,
 * until it is stopped. Each period says in a line what came of it, and each phase that it begins: nobody shall take it for real requests.
 */
export function startSeedTraffic(
  server: { readonly url: string; readonly model: string; readonly apiKey: string | null },
  mix: ResolvedMix,
  say: (line: string) => void,
): SeedTraffic {
  const ended = new AbortController()
  const { send, close } = createSender(
    { ...server, api: 'completions', temperature: 0.8, ignoreEos: false, keepOutputs: false, timeoutMs: 60_000 },
    MONOTONIC.nowMs,
  )
  const period = async (seed: number) => {
    let phase = -1
    const run = await runLoad(
      {
        arrivals: { kind: 'closed', workers: WORKERS },
        mix,
        lengths: { maxTokens: MAX_TOKENS, maxPromptTokens: MAX_TOKENS, promptTokens: null },
        warmupMs: 0,
        durationMs: PERIOD_MS,
        seed,
        connectionsMax: WORKERS,
      },
      {
        clock: MONOTONIC,
        send: (request, signal) => {
          if (request.phase > phase) {
            phase = request.phase
            say(`seed traffic (mix ${mix.name}, ${WORKERS} workers): ${request.domain}`)
          }
          return send(request, signal)
        },
        cluster: null,
        signal: ended.signal,
      },
    )
    const ok = run.records.filter(({ outcome }) => outcome.kind === 'ok').length
    const failed = run.records.filter(({ outcome }) => outcome.kind === 'error').length
    say(`seed traffic: ${ok} answered, ${failed} failed in ${(run.durationMs / 1000).toFixed(0)} s`)
  }
  const running = (async () => {
    for (let seed = 1; !ended.signal.aborted; seed++) await period(seed)
  })()
  return {
    async stop() {
      ended.abort()
      await running
      close()
    },
  }
}
