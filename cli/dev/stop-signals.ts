import { constants } from 'node:os'

/** What ends a run. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Miniflare's own handlers end the process at a signal, before anyone could stop in order; its handler of `exit` stays as the net. */
export function withoutSignalHandlers<T>(create: () => T): T {
  const before = new Map(STOP_SIGNALS.map((signal) => [signal, process.listeners(signal)]))
  const created = create()
  for (const signal of STOP_SIGNALS) {
    for (const listener of process.listeners(signal)) if (!before.get(signal)!.includes(listener)) process.removeListener(signal, listener)
  }
  return created
}

/**
 * A second signal ends the process where it is; Miniflare's handler of `exit` takes workerd along.
 * Not `once`: a handler that is gone when it runs makes wrangler's signal-exit believe that nobody handles the signal.
 */
export function onceInterrupted(): Promise<'interrupted'> {
  let signals = 0
  return new Promise((done) => {
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (++signals > 1) process.exit(128 + constants.signals[signal])
        done('interrupted')
      })
    }
  })
}
