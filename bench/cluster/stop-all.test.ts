import { expect, it } from 'vitest'
import { stopAll, thenStopAll } from './stop-all.ts'

function recordedStops() {
  const stopped: string[] = []
  const stop = (name: string, fails: boolean) => async () => {
    stopped.push(name)
    if (fails) throw new Error(`${name} does not stop`)
  }
  return { stopped, stops: [stop('a', false), stop('b', true), stop('c', true), stop('d', false)] }
}

it('stops everything, the last first, and throws the first failure', async () => {
  const { stopped, stops } = recordedStops()
  await expect(stopAll(stops)).rejects.toThrow('c does not stop')
  expect(stopped).toEqual(['d', 'c', 'b', 'a'])
})

it('what was started is stopped however the work ends, and its failure comes before those of stopping', async () => {
  const { stopped, stops } = recordedStops()
  const started: (() => unknown)[] = []
  await expect(
    thenStopAll(started, async () => {
      started.push(...stops)
      throw new Error('the work failed')
    }),
  ).rejects.toThrow('the work failed')
  expect(stopped).toHaveLength(4)
  await expect(thenStopAll(stops, async () => 1)).rejects.toThrow('c does not stop')
  await expect(thenStopAll([], async () => 1)).resolves.toBe(1)
})
