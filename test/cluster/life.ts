import type { SetTimer } from '../../shared/protocol/deadlines.ts'

/** What a caller sees of an object that was reset, as the platform says it. */
export class ConnectionLost extends Error {
  constructor(who: string) {
    super(`Network connection lost: ${who}`)
  }
}

/**
 * One life of an object, from its start to its reset: what it waits for dies with it, what others wait for is lost. As on the platform, where a promise, a
 * timer and a stream end with the object that made them.
 */
export class Life {
  readonly who: string
  dead = false
  private readonly ends = new Set<() => void>()

  constructor(who: string) {
    this.who = who
  }

  end(): void {
    if (this.dead) return
    this.dead = true
    for (const tell of Array.from(this.ends)) tell()
    this.ends.clear()
  }

  /** @returns what takes it back. */
  onEnd(tell: () => void): () => void {
    if (this.dead) tell()
    else this.ends.add(tell)
    return () => void this.ends.delete(tell)
  }

  /** The same, as long as this lives; afterwards it never comes. */
  own<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => void (this.dead || resolve(value)),
        (error: unknown) => void (this.dead || reject(error)),
      )
    })
  }

  /** What this does for a caller: lost where the life ends first. */
  serve<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = this.onEnd(() => reject(new ConnectionLost(this.who)))
      if (this.dead) return
      Promise.resolve().then(work).then(resolve, reject).finally(forget)
    })
  }

  /** Timers that are gone when this is. */
  timers(setTimer: SetTimer): { readonly setTimer: SetTimer; readonly wait: (ms: number) => Promise<void> } {
    const own: SetTimer = (ms, fire) => {
      if (this.dead) return () => undefined
      const clear = setTimer(ms, () => {
        forget()
        fire()
      })
      const forget = this.onEnd(clear)
      return () => {
        forget()
        clear()
      }
    }
    return { setTimer: own, wait: (ms) => new Promise((resolve) => void own(ms, resolve)) }
  }
}
