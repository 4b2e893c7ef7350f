import { LIMITS } from '../../shared/protocol/limits.ts'
import { wholeSetting } from '../settings.ts'

export interface EmulatedNetworkDeps {
  /** What every call takes longer; 0 for no network. */
  readonly rttMs: number
  nowMs(): number
  /** Resolves at the next turn of the event loop, after a millisecond or so. */
  wait(): Promise<void>
}

/**
 * Delays calls as a network would: what lanes win is measured with it (`isomoe dev --rtt-ms`). All calls share one ticking timer. With a timer
 * each they would not wait side by side: workerd's event loop fires one timer a turn, and a turn that waits takes over a millisecond. It fires
 * none while other calls keep its queue full, so an answer that comes in looks at the clock, too.
 */
export function createEmulatedNetwork({ rttMs, nowMs, wait }: EmulatedNetworkDeps) {
  /** In order of time: all wait equally long. */
  const due: { readonly atMs: number; readonly arrive: () => void }[] = []
  let ticking = false

  async function tick(): Promise<void> {
    ticking = true
    try {
      while (due.length > 0) {
        await wait()
        deliver()
      }
    } finally {
      ticking = false
    }
  }

  function deliver(): void {
    while (due[0] && due[0].atMs <= nowMs()) due.shift()!.arrive()
  }

  function travel(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    due.push({ atMs: nowMs() + rttMs, arrive: resolve })
    if (!ticking) void tick()
    return promise
  }

  /** The call as it would be over the network; without one it is the call itself. */
  return function over<A, R>(call: (argument: A) => Promise<R>): (argument: A) => Promise<R> {
    if (rttMs === 0) return call
    return async (argument) => {
      await travel()
      const answer = await call(argument)
      deliver()
      return answer
    }
  }
}

export type EmulatedNetwork = ReturnType<typeof createEmulatedNetwork>

/** Setting RTT_MS: whole milliseconds. */
export function rttMsSetting(value: string): number {
  return wholeSetting('RTT_MS', value, 0, LIMITS.rttMsMax)
}
