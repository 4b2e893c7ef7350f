import { describe, expect, it } from 'vitest'
import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { AutoscalerStore } from '../../workers/autoscaler/store.ts'

const event = (id: number, state: ScaleEvent['state'] = 'done'): ScaleEvent => ({
  id,
  reason: 'load',
  fromEpoch: id,
  toEpoch: id + 1,
  moves: [],
  phases: [{ phase: 'plan', startMs: 1, endMs: null, bytes: 0 }],
  state,
  error: null,
})

/** What every store of the autoscaler does. @param open a new, empty store. */
export function autoscalerStoreContract(name: string, open: () => AutoscalerStore): void {
  describe(`${name}: the autoscaler's store`, () => {
    it('[EL11] keeps a document until it is replaced or forgotten', () => {
      const store = open()
      expect(store.read('driver')).toBeNull()
      store.write('driver', 1)
      store.write('driver', 2)
      store.write('tenure', { '0/1@expert-00': 5 })
      expect([store.read('driver'), store.read('tenure')]).toEqual([2, { '0/1@expert-00': 5 }])
      store.write('driver', null)
      expect([store.read('driver'), store.read('tenure')]).toEqual([null, { '0/1@expert-00': 5 }])
    })

    it('[EL11] shares no object with its caller', () => {
      const store = open()
      const tenure: Record<string, number> = { a: 1 }
      store.write('tenure', tenure)
      tenure['a'] = 2
      ;(store.read('tenure') as Record<string, number>)['a'] = 3
      expect(store.read('tenure')).toEqual({ a: 1 })
    })

    it('[EL10] takes a whole transaction or nothing of it', () => {
      const store = open()
      store.write('driver', 1)
      store.putEvent(event(1))
      const torn = () =>
        store.transaction(() => {
          store.write('driver', 2)
          store.write('tenure', { a: 1 })
          store.putEvent(event(2))
          throw new Error('torn')
        })
      expect(torn).toThrow('torn')
      expect([store.read('driver'), store.read('tenure'), store.events(0).map(({ id }) => id)]).toEqual([1, null, [1]])
      expect(store.transaction(() => store.read('driver'))).toBe(1)
    })

    it('[EL5] keeps the newest events, each as it was put last, ascending', () => {
      const store = open()
      store.putEvent(event(1, 'running'))
      store.putEvent(event(1))
      expect(store.events(0)).toEqual([event(1)])
      for (let id = 2; id <= LIMITS.scaleEventsKept + 3; id++) store.putEvent(event(id))
      expect(store.events(0).map(({ id }) => id)).toEqual(Array.from({ length: LIMITS.scaleEventsKept }, (_, i) => i + 4))
      expect(store.events(LIMITS.scaleEventsKept + 2).map(({ id }) => id)).toEqual([LIMITS.scaleEventsKept + 2, LIMITS.scaleEventsKept + 3])
    })
  })
}
