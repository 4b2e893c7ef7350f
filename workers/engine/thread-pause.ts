/**
 * In one process, host calls never leave workerd's event queue, and it looks at sockets only when that queue is empty: without a timer
 * now and then a new request, or a client's disconnect, waits until every running sequence is finished. A timer takes a millisecond, so it
 * is set first and waited for when it is due: then it costs one look at the sockets. Measured: docs/design/engine.md.
 */
const BETWEEN_MS = 3
const DUE_MS = 2

export interface PauseDeps {
  nowMs(): number
  /** Resolves from the event loop, not from the microtask queue. */
  wait(): Promise<void>
}

/** Call it often (a layer is often enough) and wait for what it gives, if it gives something. */
export function createThreadPause(deps: PauseDeps): () => Promise<void> | null {
  let pause: Promise<void> | null = null
  let sinceMs = 0
  return () => {
    const nowMs = deps.nowMs()
    if (!pause && nowMs - sinceMs >= BETWEEN_MS) {
      pause = deps.wait()
      sinceMs = nowMs
    } else if (pause && nowMs - sinceMs >= DUE_MS) {
      const due = pause
      pause = null
      sinceMs = nowMs
      return due
    }
    return null
  }
}
