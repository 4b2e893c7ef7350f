import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createTraffic } from './traffic.ts'

const arbNote = fc.oneof(
  fc.record({ kind: fc.constant('call' as const), host: fc.constantFrom('a', 'b'), pairs: fc.nat(50), ms: fc.nat(1000), isFirst: fc.boolean() }),
  fc.record({ kind: fc.constant('hedge' as const), host: fc.constantFrom('a', 'b') }),
  fc.record({ kind: fc.constant('fault' as const), host: fc.constantFrom('a', 'b') }),
  fc.record({ kind: fc.constant('route' as const), layer: fc.constantFrom(0, 2), expert: fc.nat(3) }),
  fc.record({ kind: fc.constant('step' as const), ms: fc.nat(100), isSteady: fc.boolean() }),
  fc.record({ kind: fc.constant('take' as const) }),
)

it('[EL8] windows lie end to end: what was counted is in one of them, and the hosts of all windows add up', () => {
  fc.assert(
    fc.property(fc.array(arbNote, { maxLength: 80 }), (notes) => {
      const traffic = createTraffic([4, 0, 4])
      const windows = []
      for (const note of notes) {
        if (note.kind === 'call') traffic.call(note.host, note.pairs, note.ms, note.isFirst)
        else if (note.kind === 'hedge') traffic.hedge(note.host)
        else if (note.kind === 'fault') traffic.fault(note.host, 'not-resident')
        else if (note.kind === 'route') traffic.load[note.layer]![note.expert]!++
        else if (note.kind === 'step') traffic.step(note.ms, note.isSteady ? note.ms / 2 : null)
        else windows.push(traffic.take())
      }
      windows.push(traffic.take())
      expect(traffic.worked()).toBe(false)
      const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0)
      const noted = <K extends (typeof notes)[number]['kind']>(kind: K) =>
        notes.filter((note): note is Extract<(typeof notes)[number], { kind: K }> => note.kind === kind)
      expect(sum(windows.map(({ steps }) => steps))).toBe(noted('step').length)
      expect(sum(windows.map(({ stepSumMs }) => stepSumMs))).toBe(sum(noted('step').map(({ ms }) => ms)))
      const steady = noted('step').flatMap(({ ms, isSteady }) => (isSteady ? [ms] : []))
      expect(sum(windows.map((window) => window.steady.steps))).toBe(steady.length)
      expect(sum(windows.map((window) => window.steady.stepSumMs - window.steady.expertsSumMs))).toBe(sum(steady) / 2)
      expect(sum(windows.flatMap(({ load }) => load.flat()))).toBe(noted('route').length)
      expect(windows[0]!.load.map((layer) => layer.length)).toEqual([4, 0, 4])
      for (const host of ['a', 'b']) {
        const calls = noted('call').filter((note) => note.host === host)
        const firsts = calls.filter(({ isFirst }) => isFirst)
        const own = windows.flatMap(({ hosts }) => hosts.filter((each) => each.host === host))
        const faults = noted('fault').filter((note) => note.host === host).length
        const whole = { calls: calls.length, pairs: sum(calls.map(({ pairs }) => pairs)), rttSumMs: sum(calls.map(({ ms }) => ms)) }
        expect(traffic.ofHost(host)).toEqual({
          host,
          ...whole,
          first: { calls: firsts.length, pairs: sum(firsts.map(({ pairs }) => pairs)), rttSumMs: sum(firsts.map(({ ms }) => ms)) },
          rttMaxMs: Math.max(0, ...calls.map(({ ms }) => ms)),
          hedged: noted('hedge').filter((note) => note.host === host).length,
          faults: faults > 0 ? { 'not-resident': faults } : {},
        })
        for (const key of ['calls', 'pairs', 'rttSumMs'] as const) expect(sum(own.map((each) => each[key]))).toBe(whole[key])
      }
    }),
  )
})
