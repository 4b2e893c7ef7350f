/**
 * In one process, host calls never leave workerd's event queue, and it looks at sockets only when that queue is empty: without a timer
 * now and then a new request, or a client's disconnect, waits until every running sequence is finished. Waiting for a timer costs a
 * millisecond of doing nothing, so a timer is set and mostly fires by itself, at a look that something else was the reason for (a write to
 * a client often is); only one that stays out for too long is waited for. Measured: docs/design/engine.md.
 */
const BETWEEN_MS = 5
const OUT_MS = 15

export interface PauseDeps {
  nowMs(): number
  /** Resolves from the event loop, not from the microtask queue. */
  wait(): Promise<void>
}

/** Call it often (a layer is often enough) and wait for what it gives, if it gives something. */
export function createThreadPause(deps: PauseDeps): () => Promise<void> | null {
  let timer: Promise<void> | null = null
  /** When the last timer was set, or fired. */
  let sinceMs = -Infinity
  return () => {
    const nowMs = deps.nowMs()
    if (timer) return nowMs - sinceMs >= OUT_MS ? timer : null
    if (nowMs - sinceMs < BETWEEN_MS) return null
    sinceMs = nowMs
    timer = deps.wait().then(() => {
      timer = null
      sinceMs = deps.nowMs()
    })
    return null
  }
}
