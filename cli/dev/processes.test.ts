import fc from 'fast-check'
import { expect, it } from 'vitest'
import { dealProcesses, processesMax } from './processes.ts'

const configsOf = (hostCount: number) => ({
  gateway: 'g',
  engine: 'e',
  autoscaler: 'a',
  limiter: 'l',
  grammar: 'm',
  hosts: Array.from({ length: hostCount }, (_, i) => `h${i}`),
})

it('[CL5] every script runs in exactly one process, no process is empty, and the gateway is in the first with autoscaler and limiter', () => {
  const arbCluster = fc.integer({ min: 1, max: 40 }).chain((hosts) => fc.tuple(fc.constant(hosts), fc.integer({ min: 1, max: processesMax(hosts) })))
  fc.assert(
    fc.property(arbCluster, ([hostCount, count]) => {
      const processes = dealProcesses(configsOf(hostCount), count)
      expect(processes.length).toBe(count)
      expect(Math.min(...processes.map((scripts) => scripts.length))).toBeGreaterThan(0)
      const { gateway, engine, autoscaler, limiter, grammar, hosts } = configsOf(hostCount)
      expect(processes.flat().toSorted()).toEqual([gateway, engine, autoscaler, limiter, grammar, ...hosts].toSorted())
      expect(processes[0]![0]).toBe(gateway)
      expect(processes[0]).toEqual(expect.arrayContaining([autoscaler, limiter]))
    }),
  )
})

it('[CL5] from two processes on no host is beside the gateway, from three on none beside the engine, and hosts are dealt evenly', () => {
  expect(dealProcesses(configsOf(3), 1)).toEqual([['g', 'e', 'a', 'l', 'm', 'h0', 'h1', 'h2']])
  expect(dealProcesses(configsOf(3), 2)).toEqual([
    ['g', 'e', 'a', 'l', 'm'],
    ['h0', 'h1', 'h2'],
  ])
  expect(dealProcesses(configsOf(3), 4)).toEqual([['g', 'a', 'l', 'm'], ['e'], ['h0', 'h2'], ['h1']])
  expect(dealProcesses(configsOf(3), 5)).toEqual([['g', 'a', 'l', 'm'], ['e'], ['h0'], ['h1'], ['h2']])
})
