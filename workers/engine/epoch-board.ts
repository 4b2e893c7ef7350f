import type { Placement } from '../../shared/placement/placement.ts'

/** A placement that steps run on, and what the engine keeps for it. */
export interface HeldEpoch<T> {
  readonly placement: Placement
  readonly value: T
  /** Steps under way on it. */
  steps: number
}

export interface EpochBoardDeps<T> {
  /** What an epoch needs: made when it is adopted, closed when it is drained. */
  open(placement: Placement): T
  close(value: T): void
}

/**
 * The placements in use: the newest, and older ones that steps still run on. A step captures the newest when it begins and runs on it to its
 * end, so a table changes only between two steps. SPEC EL3, EL4.
 */
export function createEpochBoard<T>(first: Placement, deps: EpochBoardDeps<T>) {
  /** Ascending. The last is the newest; the first has a step, or is the newest, too. */
  const held = [hold(first)]
  const waiting = new Set<{ readonly epoch: number; readonly resolve: () => void }>()
  /** Who waits for the next adoption. */
  const watchers = new Set<() => void>()

  function hold(placement: Placement): HeldEpoch<T> {
    return { placement, value: deps.open(placement), steps: 0 }
  }

  function newest(): HeldEpoch<T> {
    return held.at(-1)!
  }

  /** A step begins. Give what it captured to `end`. */
  function begin(): HeldEpoch<T> {
    const epoch = newest()
    epoch.steps++
    return epoch
  }

  function end(epoch: HeldEpoch<T>): void {
    epoch.steps--
    sweep()
  }

  /** Every step that begins from here on runs on `placement`. An epoch that is not newer is ignored: an epoch names one table for ever. */
  function adopt(placement: Placement): void {
    if (placement.epoch <= newest().placement.epoch) return
    held.push(hold(placement))
    for (const watcher of watchers) watcher()
    sweep()
  }

  /** Lets go of what no step can use any more: the lowest first, because a step may look at newer tables than its own. */
  function sweep(): void {
    while (held.length > 1 && held[0]!.steps === 0) deps.close(held.shift()!.value)
    for (const waiter of waiting) {
      if (oldest() < waiter.epoch) continue
      waiting.delete(waiter)
      waiter.resolve()
    }
  }

  /** The oldest epoch that a step runs on, or the newest where none runs on an older one. */
  function oldest(): number {
    return held[0]!.placement.epoch
  }

  /** Resolves when no step runs on an epoch below `epoch`, and none will. */
  function drained(epoch: number): Promise<void> {
    if (oldest() >= epoch) return Promise.resolve()
    return new Promise((resolve) => void waiting.add({ epoch, resolve }))
  }

  /** Resolves at the next adoption, or with `wait`. A wait that is over leaves nothing behind, however long no table comes. */
  async function changed(wait: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    watchers.add(resolve)
    void wait.then(resolve)
    await promise
    watchers.delete(resolve)
  }

  return { newest, begin, end, adopt, oldest, drained, changed, waiting: () => watchers.size }
}

export type EpochBoard<T> = ReturnType<typeof createEpochBoard<T>>
