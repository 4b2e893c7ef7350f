import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { PASS_WEIGHTS, PROBE_LIMITS } from '../../shared/protocol/probe-api.ts'
import type { LocationHint } from '../../shared/protocol/probe-api.ts'
import { MIB } from '../../shared/protocol/limits.ts'
import type { Progress } from '../progress.ts'
import type { ProbeClient } from './probe-client.ts'
import type { ProbeFindings } from './probe-result.ts'

/** What can be asked. The last two may break what they ask, and are asked only by name. */
export const PROBES = ['sharing', 'round-trip', 'storage', 'compute', 'wasm', 'clock', 'signal', 'cpu', 'memory'] as const
export type ProbeName = (typeof PROBES)[number]
export const PROBES_DEFAULT: readonly ProbeName[] = PROBES.filter((name) => name !== 'cpu' && name !== 'memory')

export interface ProbeSizes {
  readonly objects: number
  readonly calls: number
  readonly hints: readonly LocationHint[]
  readonly rangesMiB: readonly number[]
  readonly reads: number
  readonly computeCalls: number
  /** Of a call of the CPU probe, and how many at most. */
  readonly cpuSeconds: number
  readonly cpuCalls: number
  readonly memoryMiB: number
}

const IN_FLIGHT = [1, PROBE_LIMITS.inFlightMax]
const PASSES = 8
const LEAVE_MS = 500
const SIGNAL_TRIES = 50

type Asked = { readonly findings: ProbeFindings; readonly failed: { readonly probe: string; readonly message: string }[] }

/** Asks one thing after the other. What fails is named and takes nothing else with it. */
export async function askAll(client: ProbeClient, names: readonly ProbeName[], sizes: ProbeSizes, progress: Progress): Promise<Asked> {
  const failed: Asked['failed'][number][] = []
  let findings: ProbeFindings = {}
  progress.start(names.length)
  for (const name of names) {
    try {
      findings = { ...findings, ...(await askOne(client, name, sizes)) }
    } catch (error) {
      failed.push({ probe: name, message: (error instanceof Error ? error.message : String(error)).slice(0, 512) })
    }
    progress.advance(1, name)
  }
  progress.stop()
  return { findings, failed }
}

async function askOne(client: ProbeClient, name: ProbeName, sizes: ProbeSizes): Promise<ProbeFindings> {
  switch (name) {
    case 'sharing':
      return { sharing: await client.ask({ kind: 'sharing', objects: sizes.objects }) }
    case 'round-trip':
      return { roundTrips: await roundTrips(client, sizes) }
    case 'storage':
      return { storage: await storage(client, sizes) }
    case 'compute':
      return { compute: await client.ask({ kind: 'compute', calls: sizes.computeCalls, passes: PASSES }) }
    case 'wasm':
      return { wasm: await client.ask({ kind: 'wasm' }) }
    case 'clock':
      return { clock: await client.ask({ kind: 'clock', passes: PASSES }) }
    case 'signal':
      return { signal: await signal(client) }
    case 'cpu':
      return { cpu: await cpu(client, sizes) }
    case 'memory':
      return { memory: await client.ask({ kind: 'memory', maxMiB: sizes.memoryMiB }) }
    default:
      return name satisfies never
  }
}

/** Without a hint first: where the platform itself puts an object. */
async function roundTrips(client: ProbeClient, { hints, calls }: ProbeSizes): Promise<ProbeFindings['roundTrips']> {
  const found = []
  for (const hint of [null, ...hints]) found.push({ hint, ...(await client.ask({ kind: 'round-trip', hint, calls })) })
  return found
}

async function storage(client: ProbeClient, { rangesMiB, reads }: ProbeSizes): Promise<ProbeFindings['storage']> {
  await client.ask({ kind: 'prepare-storage', bytes: Math.max(...rangesMiB) * IN_FLIGHT.at(-1)! * MIB })
  try {
    const found = []
    for (const mib of rangesMiB) {
      for (const inFlight of IN_FLIGHT) {
        const rangeBytes = mib * MIB
        found.push({ rangeBytes, inFlight, ...(await client.ask({ kind: 'storage', rangeBytes, inFlight, reads })) })
      }
    }
    return found
  } finally {
    await client.ask({ kind: 'clean-storage' })
  }
}

/** The worker learns it a moment after the client left, if at all. */
async function signal(client: ProbeClient): Promise<ProbeFindings['signal']> {
  const name = randomUUID()
  await client.leave(name, LEAVE_MS)
  for (let tries = 0; tries < SIGNAL_TRIES; tries++) {
    const outcome = await client.ask({ kind: 'signal', name })
    if (outcome.fired) return outcome
    await sleep(LEAVE_MS / 5)
  }
  return { fired: false, afterMs: null }
}

/** The rate of this isolate says how many passes a second of compute is. */
async function cpu(client: ProbeClient, { cpuSeconds, cpuCalls }: ProbeSizes): Promise<ProbeFindings['cpu']> {
  const { weightsPerS } = await client.ask({ kind: 'compute', calls: 2, passes: PASSES })
  const passes = Math.min(PROBE_LIMITS.passesMax, Math.max(1, Math.round((cpuSeconds * weightsPerS) / PASS_WEIGHTS)))
  const { callsAnswered, callsAsked, brokenBy } = await client.ask({ kind: 'cpu', calls: cpuCalls, passes })
  return { secondsPerCall: (passes * PASS_WEIGHTS) / weightsPerS, callsAnswered, callsAsked, brokenBy }
}
