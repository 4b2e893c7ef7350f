import { LIMITS } from '../../shared/protocol/limits.ts'
import { distribution } from './percentiles.ts'
import type { Distribution } from './percentiles.ts'
import { outputTokens } from './request-record.ts'
import type { RequestRecord } from './request-record.ts'
import { timesOf } from './request-times.ts'
import type { RequestTimes } from './request-times.ts'
import { meetsSlo } from './slo.ts'
import type { Slo } from './slo.ts'

/** The requests of one kind: all, those of a domain, those of a phase. */
export interface GroupSummary {
  /** Due in the measured time. The four below add up to it. */
  readonly requests: number
  readonly ok: number
  readonly failed: number
  readonly notSent: number
  readonly interrupted: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly outputTokens: number
  readonly ttftMs: Distribution | null
  readonly tpotMs: Distribution | null
  readonly interTokenMs: Distribution | null
  readonly e2eMs: Distribution | null
  /** Null without --slo. Failed and unsent requests are misses; those that the end of the run interrupted do not count. */
  readonly goodput: { readonly met: number; readonly share: number; readonly perS: number } | null
}

export interface LoadSummary {
  readonly all: GroupSummary
  readonly byDomain: Readonly<Record<string, GroupSummary>>
  /** In the order of the mix's phases. */
  readonly byPhase: readonly GroupSummary[]
  /** Failures by code, the most frequent first; past LIMITS.loadErrorCodesMax they are one, `other`. */
  readonly errors: Readonly<Record<string, number>>
  /** What came in the measured time, whichever requests it belongs to, warm-up included. */
  readonly throughput: { readonly outputTokensPerS: number; readonly answersPerS: number }
  /** Sent − scheduled: the sender's own lateness. It is part of TTFT; where it is large, the sender was the bottleneck. */
  readonly sendLagMs: Distribution | null
  readonly selfCheck: {
    /** E2E − (TTFT + (n − 1) · TPOT). */
    readonly tailMs: Distribution | null
    /** Answers without usage: their tokens are counted in pieces. */
    readonly withoutUsage: number
    /** Answers with more pieces than tokens, by usage: one of the two is wrong. */
    readonly morePiecesThanTokens: number
    /** Answers with fewer: the server put several tokens into a piece, so gaps between pieces are not gaps between tokens. */
    readonly fewerPiecesThanTokens: number
  }
}

interface Measured {
  readonly record: RequestRecord
  readonly times: RequestTimes | null
}

/**
 * Sums up a run: latencies of the requests that were due in [0, durationMs), rates of what came in it. SPEC LT5, LT6.
 * @param phases how many the mix has.
 */
export function summarizeLoad(records: readonly RequestRecord[], durationMs: number, phases: number, slo: Slo | null): LoadSummary {
  const measured = records.filter(({ request }) => request.atMs >= 0 && request.atMs < durationMs).map((record) => ({ record, times: timesOf(record) }))
  const group = (members: readonly Measured[]) => summarizeGroup(members, durationMs, slo)
  const answered = measured.filter(({ times }) => times !== null)
  const counts = answered.map(({ record }) => ({ pieces: record.pieceMs.length, tokens: outputTokens(record), usage: record.usage }))
  return {
    all: group(measured),
    byDomain: Object.fromEntries(
      Array.from(
        Map.groupBy(measured, (m) => m.record.request.domain),
        ([domain, members]) => [domain, group(members)],
      ),
    ),
    byPhase: Array.from({ length: phases }, (_, phase) => group(measured.filter((m) => m.record.request.phase === phase))),
    errors: countErrors(measured.map(({ record }) => record)),
    throughput: {
      outputTokensPerS: (tokensWithin(records, 0, durationMs) / durationMs) * 1000,
      answersPerS: (records.filter((r) => r.outcome.kind === 'ok' && r.endMs! >= 0 && r.endMs! < durationMs).length / durationMs) * 1000,
    },
    sendLagMs: distribution(measured.flatMap(({ record: { sentMs, request } }) => (sentMs === null ? [] : [sentMs - request.atMs]))),
    selfCheck: {
      tailMs: distribution(answered.map(({ times }) => times!.tailMs)),
      withoutUsage: counts.filter(({ usage }) => usage === null).length,
      morePiecesThanTokens: counts.filter(({ pieces, tokens }) => pieces > tokens).length,
      fewerPiecesThanTokens: counts.filter(({ pieces, tokens }) => pieces < tokens).length,
    },
  }
}

/** Output tokens that came in [fromMs, toMs): those of an answer are shared evenly over its pieces. */
export function tokensWithin(records: readonly RequestRecord[], fromMs: number, toMs: number): number {
  return records.reduce((sum, record) => {
    const pieces = record.pieceMs.filter((ms) => ms >= fromMs && ms < toMs).length
    return pieces === 0 ? sum : sum + (pieces * outputTokens(record)) / record.pieceMs.length
  }, 0)
}

function summarizeGroup(members: readonly Measured[], durationMs: number, slo: Slo | null): GroupSummary {
  const countOf = (kind: RequestRecord['outcome']['kind']) => members.filter(({ record }) => record.outcome.kind === kind).length
  const times = members.flatMap((member) => member.times ?? [])
  const sum = (value: (record: RequestRecord) => number) => members.reduce((total, { record }) => total + value(record), 0)
  const interrupted = countOf('interrupted')
  const met = slo === null ? 0 : members.filter((member) => meetsSlo(slo, member.times)).length
  return {
    requests: members.length,
    ok: countOf('ok'),
    failed: countOf('error'),
    notSent: countOf('not-sent'),
    interrupted,
    promptTokens: sum(({ usage }) => usage?.promptTokens ?? 0),
    cachedTokens: sum(({ usage }) => usage?.cachedTokens ?? 0),
    outputTokens: sum(outputTokens),
    ttftMs: distribution(times.map(({ ttftMs }) => ttftMs)),
    tpotMs: distribution(times.flatMap(({ tpotMs }) => tpotMs ?? [])),
    interTokenMs: distribution(times.flatMap(({ interTokenMs }) => interTokenMs)),
    e2eMs: distribution(times.map(({ e2eMs }) => e2eMs)),
    goodput: slo === null ? null : { met, share: met / Math.max(1, members.length - interrupted), perS: (met / durationMs) * 1000 },
  }
}

function countErrors(records: readonly RequestRecord[]): Record<string, number> {
  const counts = new Map<string, number>()
  for (const { outcome } of records) {
    if (outcome.kind !== 'error') continue
    const code = counts.has(outcome.code) || counts.size < LIMITS.loadErrorCodesMax ? outcome.code : 'other'
    counts.set(code, (counts.get(code) ?? 0) + 1)
  }
  return Object.fromEntries(Array.from(counts).toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
}
