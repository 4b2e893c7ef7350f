/** What ends a run. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Miniflare's own handlers end the process at a signal, before anyone could stop in order; its handler of `exit` stays as the net. */
export function withoutSignalHandlers<T>(create: () => T): T {
  const before = new Map(STOP_SIGNALS.map((signal) => [signal, process.listeners(signal)]))
  const created = create()
  for (const signal of STOP_SIGNALS) {
    for (const listener of process.listeners(signal)) if (!before.get(signal)!.includes(listener)) process.removeListener(signal, listener)
  }
  return created
}
