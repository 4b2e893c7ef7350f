import { PHASES } from '../../shared/protocol/autoscaler-api.ts'
import type { Phase, ScaleEvent, ScaleReason } from '../../shared/protocol/autoscaler-api.ts'

export interface EventView {
  readonly id: number
  readonly reason: string
  readonly state: ScaleEvent['state']
  readonly epochs: string
  /** Experts that are brought and freed, host by host. */
  readonly hosts: readonly { readonly host: string; readonly loads: number; readonly drops: number }[]
  readonly loadCount: number
  readonly dropCount: number
  /** Bytes that its copy moved. */
  readonly copiedBytes: number
  /** Null while it runs. */
  readonly totalMs: number | null
  readonly phases: readonly PhaseView[]
  readonly error: { readonly code: string; readonly message: string } | null
}

/** All seven phases, also those that have not begun. */
export interface PhaseView {
  readonly phase: Phase
  readonly state: 'waiting' | 'running' | 'done' | 'skipped'
  readonly ms: number | null
  /** Of the whole event; 0 until it has ended. */
  readonly share: number
  readonly bytes: number
}

const REASONS: Readonly<Record<ScaleReason, string>> = { load: 'load', manual: 'by hand', 'lost-host': 'lost host', base: 'base placement' }

/** A scale event as the page shows it: only durations, because its times are the autoscaler's clock. SPEC LP5. */
export function viewEvent({ id, reason, state, fromEpoch, toEpoch, moves, phases, error }: ScaleEvent): EventView {
  const known = new Map(phases.map((record) => [record.phase, record]))
  const sumMs = phases.reduce((sum, { startMs, endMs }) => sum + (endMs === null ? 0 : endMs - startMs), 0)
  const first = phases[0]
  const last = phases.at(-1)
  return {
    id,
    reason: REASONS[reason] ?? reason,
    state,
    epochs: `${fromEpoch} → ${toEpoch}`,
    hosts: Array.from(
      Map.groupBy(moves, ({ host }) => host),
      ([host, group]) => ({ host, loads: countOf(group, 'load'), drops: countOf(group, 'drop') }),
    ).toSorted((a, b) => a.host.localeCompare(b.host)),
    loadCount: countOf(moves, 'load'),
    dropCount: countOf(moves, 'drop'),
    copiedBytes: known.get('copy')?.bytes ?? 0,
    totalMs: state === 'running' || !first || !last || last.endMs === null ? null : last.endMs - first.startMs,
    phases: PHASES.map((phase) => {
      const record = known.get(phase)
      if (!record) return { phase, state: state === 'running' ? 'waiting' : 'skipped', ms: null, share: 0, bytes: 0 }
      const ms = record.endMs === null ? null : record.endMs - record.startMs
      return {
        phase,
        state: ms === null ? (state === 'running' ? 'running' : 'skipped') : 'done',
        ms,
        share: ms === null || sumMs === 0 ? 0 : ms / sumMs,
        bytes: record.bytes,
      }
    }),
    error: error && { code: error.code, message: error.message },
  }
}

function countOf(moves: ScaleEvent['moves'], kind: 'load' | 'drop'): number {
  return moves.filter((move) => move.kind === kind).length
}
