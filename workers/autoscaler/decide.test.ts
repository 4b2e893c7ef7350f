import { expect, it } from 'vitest'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import { nextAlarmMs } from './decide.ts'
import type { AlarmInputs } from './decide.ts'

const NOW = 1_000_000
const idle: AlarmInputs = {
  nowMs: NOW,
  policy: { ...POLICY_DEFAULT, smoothingWindows: 4, stayMs: 30_000 },
  lastReportMs: -Infinity,
  engines: {},
  isRunning: false,
  records: {},
  tenure: {},
  backoffUntilMs: 0,
}
const nextWindow = NOW + POLICY_DEFAULT.windowMs
const suspect = { lost: false, isolateId: null, leaseUntilMs: 0, report: null, suspect: true, wasReset: false }
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
  ['copies that the policy keeps', { tenure: { a: NOW }, policy: { ...POLICY_DEFAULT, enabled: false } }, null],
])('[EL9] %s', (_, inputs, want) => {
  expect(nextAlarmMs({ ...idle, ...inputs })).toBe(want)
})
