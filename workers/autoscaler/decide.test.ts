import { expect, it } from 'vitest'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { PlanLimits } from '../../shared/placement/plan.ts'
import { nextAlarmMs, planNow } from './decide.ts'
import type { AlarmInputs, Planner, Situation } from './decide.ts'

const NOW = 1_000_000
const POLICY = { ...POLICY_DEFAULT, windowMs: 2000, smoothingWindows: 4, stayMs: 30_000 }
const idle: AlarmInputs = {
  nowMs: NOW,
  policy: POLICY,
  lastReportMs: -Infinity,
  engines: {},
  isRunning: false,
  records: {},
  tenure: {},
  backoffUntilMs: 0,
}
const nextWindow = NOW + POLICY.windowMs
const suspect = { lost: false, isolateId: null, leaseUntilMs: 0, report: null, suspect: true }
const engine = { isolateId: 'i', epoch: 1, oldestEpoch: 1, numbers: [] }

it.each<[string, Partial<AlarmInputs>, number | null]>([
  ['nothing to do', {}, null],
  ['a report in the last windows', { lastReportMs: NOW - 11_000 }, nextWindow],
  ['the last report long ago', { lastReportMs: NOW - 12_000 }, null],
  ['an event under way', { isRunning: true }, nextWindow],
  ['a suspect host', { records: { 'expert-00': suspect } }, nextWindow],
  ['an engine within its lease', { engines: { a: { ...engine, leaseUntilMs: NOW + 1 } } }, nextWindow],
  ['an engine past its lease', { engines: { a: { ...engine, leaseUntilMs: NOW } } }, null],
  ['copies that have not stayed their time', { tenure: { a: NOW - 5000, b: NOW - 9000 } }, NOW + 21_000],
  ['a stay that ends at once', { tenure: { a: NOW - 29_999 } }, nextWindow],
  ['copies that the planner kept after their stay', { tenure: { a: NOW - 40_000 } }, null],
  ['copies past their stay while an event waits after a failure', { tenure: { a: NOW - 40_000 }, backoffUntilMs: NOW + 8000 }, NOW + 8000],
  ['copies that the policy keeps', { tenure: { a: NOW }, policy: { ...POLICY, enabled: false } }, null],
])('[EL9] %s', (_, inputs, want) => {
  expect(nextAlarmMs({ ...idle, ...inputs })).toBe(want)
})

it.each([
  ['a plan of the loop', true, false, { movesMax: POLICY.movesMax, mayDrop: false }],
  ['where the policy is off', false, false, { movesMax: 0, mayDrop: false }],
  ['a command, though the policy is off and the copy is young', false, true, { movesMax: POLICY.movesMax, mayDrop: true }],
])('[EL14] what moves must pay by the policy: %s', (_, enabled, forced, want) => {
  const asked: PlanLimits[] = []
  const planner: Planner = (_load, _hosts, current, limits) => {
    asked.push(limits)
    return { target: current, moves: [], unplaced: [], predicted: { beforeMs: 0, afterMs: 0 } }
  }
  const situation: Situation = {
    placement: { epoch: 1, hosts: ['expert-00', 'expert-01'], base: [[0]], layers: [[[0, 1]]] },
    deployment: {
      model: 'm',
      digest: 'd',
      tier: 'q8',
      expertBytes: [[8]],
      base: [{ host: 'expert-00', arenaBytes: 64 }],
      standby: ['expert-01'],
      shape: 'packed',
    },
    records: {},
    demand: null,
    policy: { ...POLICY, enabled },
    tenure: { '0/0@expert-01': NOW - 1000 },
    cost: null,
    nowMs: NOW,
  }
  planNow(planner, situation, forced)
  const [limits] = asked
  expect(limits).toMatchObject({ gainMin: POLICY.gainMin, movesMax: want.movesMax })
  expect(limits!.mayDrop?.(0, 0, 1) ?? true).toBe(want.mayDrop)
})
