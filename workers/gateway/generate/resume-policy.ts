/** Waits before the tries that follow each other without an event between them: 16 s in all. An object that was reset is there at the first, a process needs some. */
const WAITS_MS = [50, 100, 200, 400, 800, 1600, 3200, 3200, 3200, 3200]
/** However far a request gets each time: it may be what resets the engine. */
const TRIES_MAX = 16

/**
 * How long to wait before a broken stream is resumed; null: not again. SPEC JR6.
 * @param failed tries that failed since the last event.
 * @param tries all of the request.
 */
export function resumeWaitMs({ failed, tries }: { readonly failed: number; readonly tries: number }): number | null {
  return tries < TRIES_MAX ? (WAITS_MS[failed] ?? null) : null
}
