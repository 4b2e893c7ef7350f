/**
 * In one process, host calls never leave workerd's event queue, and it looks at sockets only when that queue is empty: without a timer
 * now and then a new request, or a client's disconnect, waits until every running sequence is finished. A timer costs about a
 * millisecond, so there is one in eight, begun before a step and awaited after it. Measured: docs/design/engine.md.
 */
const PAUSE_EVERY_MS = 8

export interface PauseDeps {
  nowMs(): number
  /** Resolves from the event loop, not from the microtask queue. */
  wait(): Promise<void>
}

/** Gives the promise to await after the step that now begins. */
export function createThreadPause(deps: PauseDeps): () => Promise<void> {
  let lastMs = 0
  return () => {
    const nowMs = deps.nowMs()
    if (nowMs - lastMs < PAUSE_EVERY_MS) return Promise.resolve()
    lastMs = nowMs
    return deps.wait()
  }
}
