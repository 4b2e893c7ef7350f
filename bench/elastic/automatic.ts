import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { BenchPack } from '../cluster/cluster.ts'
import { residentBytes } from './measure.ts'
import { BASE_HOSTS, POLICY, PROCESSES, STANDBY_HOSTS } from './settings.ts'
import type { TrialTimes } from './settings.ts'
import { runTrial } from './trial.ts'
import type { Trial } from './trial.ts'

/** A trial in which nobody commands: the policy decides. */
export interface AutomaticRun {
  readonly trial: Trial
  /** Bytes of experts on all hosts: before the load, and when the heat was gone for the policy's stay and one alarm. */
  readonly baseBytes: number
  readonly endBytes: number
  readonly eventCount: number
}

export async function runAutomatic(pack: BenchPack, times: TrialTimes): Promise<AutomaticRun> {
  process.stderr.write('elastic: automatic policy\n')
  const policy = { ...POLICY_DEFAULT, ...POLICY }
  const coolMs = policy.stayMs + policy.windowMs
  const trial = await runTrial({
    name: 'automatic',
    pack,
    hosts: BASE_HOSTS,
    standby: STANDBY_HOSTS,
    processes: PROCESSES,
    vars: {},
    times,
    provision: [],
    policy: { enabled: true },
    action: null,
    coolMs,
  })
  const sum = (bytes: ReadonlyMap<string, number>) => Array.from(bytes.values()).reduce((a, b) => a + b, 0)
  return { trial, baseBytes: sum(residentBytes(trial.begun)), endBytes: sum(residentBytes(trial.after)), eventCount: trial.after.autoscaler.events.length }
}
