import type { Arrival, Arrivals } from './arrivals.ts'
import { schedule } from './arrivals.ts'
import { followCluster } from './cluster-view.ts'
import type { ClusterView } from './cluster-view.ts'
import { driveClosed, driveOpen } from './drive.ts'
import type { LoadClock, SendRequest } from './drive.ts'
import { planRequest } from './load-plan.ts'
import type { LengthLimits, LoadRequest } from './load-plan.ts'
import type { ResolvedMix } from './mix.ts'
import type { RequestRecord } from './request-record.ts'

/** What a run does; the same plan and server give the same requests at the same times. */
export interface LoadPlan {
  readonly arrivals: Arrivals
  readonly mix: ResolvedMix
  readonly lengths: LengthLimits
  readonly warmupMs: number
  readonly durationMs: number
  readonly seed: number
  /** Requests under way at once in an open loop. */
  readonly connectionsMax: number
}

export interface LoadParts {
  readonly clock: LoadClock
  readonly send: SendRequest
  /** Where the cluster is looked at; null: nowhere. */
  readonly cluster: { readonly server: string; readonly apiKey: string | null } | null
  /** Ends the run early. */
  readonly signal: AbortSignal
  readonly onCounts?: (counts: LoadCounts) => void
  /** Each request as it ends, in that order. */
  readonly onRecord?: (record: RequestRecord) => void
}

/** How a run stands. */
export interface LoadCounts {
  readonly elapsedMs: number
  readonly sent: number
  readonly open: number
  readonly ok: number
  readonly failed: number
  readonly pieces: number
}

export interface LoadRun {
  /** By index. */
  readonly records: readonly RequestRecord[]
  /** What was measured: the plan's, or until the run was ended. */
  readonly durationMs: number
  readonly interrupted: boolean
  /** Null where the server shows none. */
  readonly cluster: ClusterView | null
}

const CLUSTER_SAMPLES_WANTED = 300
/** Between planning and the first request: the cluster is looked at once before. */
const LEAD_MS = 50

/** Sends the load and waits for all answers; `signal` ends it at once, and what was measured until then is given. */
export async function runLoad(plan: LoadPlan, parts: LoadParts): Promise<LoadRun> {
  const { clock, signal } = parts
  const arrivals = plan.arrivals.kind === 'closed' ? null : schedule(plan.arrivals, plan.warmupMs, plan.durationMs, plan.seed)
  const originMs = clock.nowMs() + LEAD_MS + plan.warmupMs
  const endCluster = new AbortController()
  const pollMs = Math.max(1000, (plan.warmupMs + plan.durationMs) / CLUSTER_SAMPLES_WANTED)
  const following = parts.cluster === null ? null : followCluster({ ...parts.cluster, clock, originMs, pollMs, signal: endCluster.signal })
  const records: RequestRecord[] = []
  const counts = { sent: 0, open: 0, ok: 0, failed: 0, pieces: 0 }
  const say = () => parts.onCounts?.({ ...counts, elapsedMs: clock.nowMs() - originMs })
  const drive = {
    clock,
    originMs,
    signal,
    send: parts.send,
    plan: (index: number, arrival: Arrival): LoadRequest => planRequest(plan.mix, plan.lengths, plan.seed, index, arrival),
    onSent: () => {
      counts.sent++
      counts.open++
      say()
    },
    onRecord: (record: RequestRecord) => {
      records.push(record)
      if (record.sentMs !== null) counts.open--
      if (record.outcome.kind === 'ok') counts.ok++
      if (record.outcome.kind === 'error' || record.outcome.kind === 'not-sent') counts.failed++
      counts.pieces += record.pieceMs.length
      parts.onRecord?.(record)
      say()
    },
  }
  try {
    await clock.sleepUntil(originMs - plan.warmupMs, signal)
    if (plan.arrivals.kind === 'closed') await driveClosed(drive, plan.arrivals.workers, plan.durationMs)
    else await driveOpen(drive, arrivals!, plan.connectionsMax)
    await clock.sleepUntil(originMs + plan.durationMs, signal) // a schedule may end early; rates are over the whole time
  } finally {
    endCluster.abort()
  }
  const elapsedMs = clock.nowMs() - originMs
  return {
    records: records.toSorted((a, b) => a.request.index - b.request.index),
    durationMs: Math.max(1, Math.min(plan.durationMs, elapsedMs)),
    interrupted: signal.aborted,
    cluster: await following,
  }
}
