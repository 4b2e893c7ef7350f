import type { GenerateEvent } from '../../shared/protocol/engine-api.ts'

/** Takes the events of one request, in order per choice; `end` comes once, after the last. */
export interface EventSink {
  emit(event: GenerateEvent): void
  end(): void
}

/** A sink that never throws: one that does loses its own request, not its neighbours'. */
export function guardSink(sink: EventSink, cancelRequest: () => void, onFault: (error: unknown) => void): EventSink {
  const guarded = (action: () => void): void => {
    try {
      action()
    } catch (error) {
      onFault(error)
      cancelRequest()
    }
  }
  return { emit: (event) => guarded(() => sink.emit(event)), end: () => guarded(() => sink.end()) }
}
