import type { BenchCluster } from '../cluster/cluster.ts'
import { decodeRate } from '../cluster/workload.ts'
import type { EchoCall, FrameNote, Kind } from './profile-api.ts'

/** Where a decode step of one sequence spends its time, in µs. */
export interface StepParts {
  /** The whole step, on the product's code with taps around its kernels. */
  readonly wall: number
  /** What a step saves when the engine's, or the hosts', kernels are left out: their time in place, out of the caches that the step itself empties. */
  readonly engineKernels: number
  readonly hostKernels: number
  /** A step with every kernel left out: the next three together. */
  readonly outsideKernels: number
  /** Calls to the hosts that carry as many bytes as the step's, with nothing at the other end. */
  readonly rpc: number
  /** Hosts: frames read, experts looked up, rows copied, replies built. */
  readonly hostScript: number
  /** Engine, what is left of `outsideKernels`: scheduler, frames, rows copied, sampling, events to the client, waiting. */
  readonly engineScript: number
  /** The same kernel calls made again one after the other, by kind. Less than in place: nothing else empties the caches between them. */
  readonly replayedMatrices: number
  readonly replayedAttention: number
  readonly replayedOthers: number
  /** Part of the whole step's request, prefill included, (0…1) in which no thread of the process ran; null where the system does not say. */
  readonly idle: number | null
}

export interface StepProfiler {
  measure(): Promise<StepParts>
}

/** Calls of a decode step, at least: tells it from the single embedding rows of a prompt. */
const CALLS_PER_LAYER_MIN = 2
const REPLAYS = 3
const SCRIPT_REPEATS = 10

interface ProfileOptions {
  readonly hosts: readonly string[]
  readonly layers: number
  readonly newTokens: number
  /** A prompt that was not asked before. */
  nextPrompt(): number[]
}

/**
 * Records the decode steps of one request on a cluster of the scripts bench/workers/profiled-*.ts. A round then takes a step apart: whole, without
 * the engine's kernels, without the hosts', without either; and it makes the recorded kernel calls and frames again, part by part.
 */
export async function createStepProfiler(cluster: BenchCluster, options: ProfileOptions): Promise<StepProfiler> {
  const { hosts, newTokens } = options
  const steps = newTokens - 1
  const setTaps = async (engine: string, host: string): Promise<void> => {
    await cluster.engine('tapHosts', host, hosts)
    await cluster.engine('tap', engine)
  }
  await setTaps('record', 'record')
  await cluster.generate({ prompts: [options.nextPrompt()], maxTokens: newTokens })
  await cluster.engine('keepDecodeSteps', steps, options.layers * CALLS_PER_LAYER_MIN)
  await setTaps('run', 'run')
  const groups = await echoGroups(cluster, hosts)
  const perStepUs = (ms: number) => (ms * 1000) / steps

  async function measureStep(engine: 'run' | 'skip', host: 'run' | 'skip'): Promise<{ readonly us: number; readonly idle: number | null }> {
    await setTaps(engine, host)
    const cpuBefore = cluster.cpuMs()
    const startMs = performance.now()
    const { tokens } = await cluster.generate({ prompts: [options.nextPrompt()], maxTokens: newTokens })
    const wallMs = performance.now() - startMs
    const idle = idlePart(cpuBefore, cluster.cpuMs(), wallMs)
    await setTaps('run', 'run')
    return { us: 1e6 / decodeRate(tokens.map((token) => token.atMs)), idle }
  }

  async function replayed(kind: Kind | null): Promise<number> {
    const { engineMs, hostsMs } = await cluster.engine<{ engineMs: number; hostsMs: number }>('replay', kind, REPLAYS, hosts)
    return perStepUs(engineMs + hostsMs)
  }

  for (const [engine, host] of [
    ['skip', 'run'],
    ['run', 'skip'],
    ['skip', 'skip'],
  ] as const)
    await measureStep(engine, host) // V8 compiles anew when calls first change
  return {
    async measure() {
      const { us: wall, idle } = await measureStep('run', 'run')
      const { us: withoutEngine } = await measureStep('skip', 'run')
      const { us: withoutHosts } = await measureStep('run', 'skip')
      const { us: outsideKernels } = await measureStep('skip', 'skip')
      const rpc = perStepUs(await cluster.engine<number>('echo', groups, REPLAYS))
      const hostScript = perStepUs(await cluster.engine<number>('hostScript', SCRIPT_REPEATS, hosts))
      const [all, replayedMatrices, replayedAttention] = [await replayed(null), await replayed('matrices'), await replayed('attention')]
      return {
        wall,
        engineKernels: Math.max(0, wall - withoutEngine),
        hostKernels: Math.max(0, wall - withoutHosts),
        outsideKernels,
        rpc,
        hostScript,
        engineScript: Math.max(0, outsideKernels - rpc - hostScript),
        replayedMatrices,
        replayedAttention,
        replayedOthers: Math.max(0, all - replayedMatrices - replayedAttention),
        idle,
      }
    },
  }
}

function idlePart(beforeMs: number | null, afterMs: number | null, wallMs: number): number | null {
  return beforeMs === null || afterMs === null ? null : Math.max(0, 1 - (afterMs - beforeMs) / wallMs)
}

/** The recorded calls in the engine's order; those of one layer of one step went out together. */
async function echoGroups(cluster: BenchCluster, hosts: readonly string[]): Promise<EchoCall[][]> {
  const notes = await Promise.all(hosts.map(async (host) => (await cluster.engine<FrameNote[]>('notes', host)).map((note) => ({ ...note, host }))))
  const inOrder = notes.flat().sort((a, b) => a.sequence - b.sequence)
  const groups: EchoCall[][] = []
  for (const [i, { layer, host, frameBytes, replyBytes }] of inOrder.entries()) {
    if (i === 0 || inOrder[i - 1]!.layer !== layer) groups.push([])
    groups.at(-1)!.push({ host, frameBytes, replyBytes })
  }
  return groups
}
