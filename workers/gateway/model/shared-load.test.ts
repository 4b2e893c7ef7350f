import { describe, expect, it } from 'vitest'
import { moeError } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { SharedLoad } from './shared-load.ts'

const MISSING = moeError('weights-missing', 'no tokenizer.json', { object: 'tokenizer.json' })

/** Loads that the test ends by hand; waiting takes one turn of the microtask queue. */
function manualLoads() {
  const begun: ((result: Result<string, MoeError>) => void)[] = []
  const kept: Promise<unknown>[] = []
  let waits = 0
  const shared = new SharedLoad(() => new Promise<Result<string, MoeError>>((resolve) => begun.push(resolve)), {
    wait: async () => void waits++,
    keepAlive: (work) => kept.push(work),
  })
  return { shared, begun, kept, waits: () => waits }
}

describe('SharedLoad', () => {
  it('[RE3] loads once for uses at the same time and after', async () => {
    const { shared, begun, kept } = manualLoads()
    const uses = [shared.get(), shared.get(), shared.get()]
    begun[0]?.(ok('model'))
    expect(await Promise.all(uses)).toEqual([ok('model'), ok('model'), ok('model')])
    expect(await shared.get()).toEqual(ok('model'))
    expect(begun).toHaveLength(1)
    expect(kept).toHaveLength(1)
  })

  it('[RE5] does not keep a failed load: the use that waited tries again', async () => {
    const { shared, begun } = manualLoads()
    const first = shared.get()
    const second = shared.get()
    begun[0]?.(err(MISSING))
    expect(await first).toEqual(err(MISSING))
    while (begun.length < 2) await Promise.resolve()
    begun[1]?.(ok('model'))
    expect(await second).toEqual(ok('model'))
  })

  it('[RE5] requests that waited for a failed load share one retry, and its failure', async () => {
    const { shared, begun } = manualLoads()
    const first = shared.get()
    const waiting = Array.from({ length: 20 }, () => shared.get())
    begun[0]?.(err(MISSING))
    expect(await first).toEqual(err(MISSING))
    while (begun.length < 2) await Promise.resolve()
    begun[1]?.(err(MISSING))
    expect(await Promise.all(waiting)).toEqual(Array(20).fill(err(MISSING)))
    expect(begun).toHaveLength(2)
    const later = shared.get()
    begun[2]?.(ok('model'))
    expect(await later).toEqual(ok('model')) // who comes after it tries again
  })

  it('[RE3] takes over from a load that never ends, after a bounded number of waits', async () => {
    const { shared, begun, waits } = manualLoads()
    void shared.get()
    const second = shared.get()
    while (begun.length < 2) await Promise.resolve()
    begun[1]?.(ok('model'))
    expect(await second).toEqual(ok('model'))
    expect(waits()).toBe(1200)
  })

  it('[RE3] takes over once, however many wait: the others wait for the load that did', async () => {
    const { shared, begun } = manualLoads()
    void shared.get()
    const waiting = Array.from({ length: 5 }, () => shared.get())
    while (begun.length < 2) await Promise.resolve()
    for (let turn = 0; turn < 100; turn++) await Promise.resolve() // each of the others has had its turn
    expect(begun).toHaveLength(2)
    begun[1]?.(ok('model'))
    expect(await Promise.all(waiting)).toEqual(Array(5).fill(ok('model')))
  })

  it('[RE3] a load that was taken for dead and fails late does not speak for the one that took over', async () => {
    const { shared, begun } = manualLoads()
    const first = shared.get()
    const second = shared.get()
    while (begun.length < 2) await Promise.resolve()
    begun[0]?.(err(MISSING))
    expect(await first).toEqual(err(MISSING))
    const third = shared.get()
    begun[1]?.(ok('model'))
    expect(await Promise.all([second, third])).toEqual([ok('model'), ok('model')])
    expect(begun).toHaveLength(2)
  })
})
