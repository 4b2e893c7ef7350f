export interface EmulatedRateDeps {
  /** Weights that the emulated machine multiplies in a second; 0 for no emulation. */
  readonly weightsPerS: number
  nowMs(): number
  /** Resolves after about so many milliseconds; 0: at the next turn of the event loop. */
  wait(ms: number): Promise<void>
}

/** A timer fires a millisecond or two late: the last of the wait goes turn by turn. */
const EARLY_MS = 1

/**
 * A host as slow as another machine, for experiments on few cores: a reply is held back until a machine of that rate would have computed its
 * frame, one frame after the other. Nothing is added to what the host really takes; when that is more, the reply goes at once.
 * One timer, for the reply that is due first: workerd fires one timer a turn, and none while calls keep its queue full, so whoever brings other
 * work looks at the clock, too. A timer that comes late delays its own reply only: the machine's time goes on by the work. SPEC RE13.
 */
export function createEmulatedRate({ weightsPerS, nowMs, wait }: EmulatedRateDeps) {
  /** In order of time: the machine takes one frame after the other. */
  const due: { readonly atMs: number; readonly go: () => void }[] = []
  let freeAtMs = 0
  let ticking = false

  async function tick(): Promise<void> {
    ticking = true
    try {
      for (let first = due[0]; first; first = due[0]) {
        await wait(Math.max(0, first.atMs - nowMs() - EARLY_MS))
        look()
      }
    } finally {
      ticking = false
    }
  }

  /** Lets go what is due. */
  function look(): void {
    while (due[0] && due[0].atMs <= nowMs()) due.shift()!.go()
  }

  /** Resolves when the machine would be done with work of `weights` multiplications that came at `fromMs`; null where it is done already. */
  function done(weights: number, fromMs: number): Promise<void> | null {
    if (weightsPerS === 0) return null
    freeAtMs = Math.max(freeAtMs, fromMs) + (weights / weightsPerS) * 1000
    if (freeAtMs <= nowMs() && due.length === 0) return null
    const { promise, resolve } = Promise.withResolvers<void>()
    due.push({ atMs: freeAtMs, go: resolve })
    if (!ticking) void tick()
    return promise
  }

  return { done, look, nowMs }
}

export type EmulatedRate = ReturnType<typeof createEmulatedRate>
