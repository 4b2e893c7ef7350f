import { MONOTONIC } from '../../cli/load/clock.ts'
import { compareOutputs } from '../../cli/load/compare-outputs.ts'
import type { RequestRecord } from '../../cli/load/request-record.ts'
import { runLoad } from '../../cli/load/run-load.ts'
import { CALL_DEADLINE_MS } from '../../workers/engine/call-deadlines.ts'
import type { BenchPack } from '../cluster/cluster.ts'
import { adminOf } from './admin.ts'
import { startElasticCluster } from './elastic-cluster.ts'
import type { ElasticCluster } from './elastic-cluster.ts'
import { createMixedSender } from './mixed-sender.ts'
import { BASE_HOSTS, STANDBY_HOSTS, storyLoad, TIMES } from './settings.ts'
import type { TrialTimes } from './settings.ts'
import { fillHosts } from './trial.ts'

/** A process that was killed while streams ran. */
export interface KillRun {
  readonly failed: number
  readonly altered: number
  readonly compared: number
  /** The longest wait for a next token of a stream that was under way, beyond a usual one. */
  readonly gapMs: number
}

export interface KillRuns {
  readonly hosts: KillRun
  readonly engine: KillRun
  /** How long hosts take to hold their experts again, once they run: the first use of all of them, beyond a second one. */
  readonly reloadMs: number
  readonly deadlineMs: number
}

/** Gateway and autoscaler | engine | hosts: each can be lost alone. */
const PROCESSES = 3

/** Kills the hosts' process, then the engine's, in the middle of streams, and compares what comes with an undisturbed run. */
export async function runKills(pack: BenchPack, { commandMs }: TrialTimes): Promise<KillRuns> {
  process.stderr.write('elastic: kills\n')
  const spanMs = commandMs
  const killMs = commandMs / 2
  const cluster = await startElasticCluster({ pack, hosts: BASE_HOSTS, standby: STANDBY_HOSTS, processes: PROCESSES, vars: {} })
  const sender = createMixedSender(cluster.url, pack.manifest.name)
  try {
    await adminOf(cluster.url).setPolicy({ enabled: false })
    const fill = () => fillHosts(cluster.url, pack.manifest.name)
    const reloadMs = await firstUseMs(fill)
    const load = async (kill: (() => void) | null): Promise<readonly RequestRecord[]> => {
      const originMs = MONOTONIC.nowMs()
      const signal = new AbortController().signal
      const running = runLoad(storyLoad(spanMs, TIMES.maxTokens), { clock: MONOTONIC, send: sender.send, cluster: null, signal })
      await MONOTONIC.sleepUntil(originMs + killMs, signal)
      kill?.()
      return (await running).records
    }
    const reference = await load(null)
    const killed = async (script: string): Promise<KillRun> => {
      const records = await load(() => killProcessOf(cluster, script))
      const { compared, altered } = compareOutputs(records, reference)
      await fill() // the next part begins with everything in place
      return { failed: records.filter(({ outcome }) => outcome.kind !== 'ok').length, altered: altered.length, compared, gapMs: extraGapMs(records, killMs) }
    }
    const hosts = await killed('expert-00')
    const engine = await killed('isomoe-engine')
    return { hosts, engine, reloadMs, deadlineMs: CALL_DEADLINE_MS }
  } finally {
    sender.close()
    await cluster.stop()
  }
}

/** What a first use takes longer than a second one. */
async function firstUseMs(use: () => Promise<void>): Promise<number> {
  const timed = async () => {
    const begin = performance.now()
    await use()
    return performance.now() - begin
  }
  const first = await timed()
  return Math.max(0, first - (await timed()))
}

function killProcessOf(cluster: ElasticCluster, script: string): void {
  const process = cluster.processes().find(({ scripts }) => scripts.includes(script))
  if (!process) throw new Error(`${script} runs in no process`)
  globalThis.process.kill(process.pid, 'SIGKILL')
}

/** Of streams with a token on both sides of the kill: the longest gap that covers it, less the usual gap before. */
export function extraGapMs(records: readonly RequestRecord[], killMs: number): number {
  const gaps: number[] = []
  const usual: number[] = []
  for (const { pieceMs } of records) {
    for (let i = 1; i < pieceMs.length; i++) {
      const [from, to] = [pieceMs[i - 1]!, pieceMs[i]!]
      if (to <= killMs) usual.push(to - from)
      else if (from <= killMs) gaps.push(to - from)
    }
  }
  if (gaps.length === 0 || usual.length === 0) throw new Error('no stream was under way at the kill')
  return Math.max(...gaps) - usual.toSorted((a, b) => a - b)[usual.length >> 1]!
}
