import { samePlaces } from '../../shared/placement/placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { Move, Plan } from '../../shared/placement/plan.ts'
import type { Phase, ScaleEvent, ScaleReason } from '../../shared/protocol/autoscaler-api.ts'
import { PHASES } from '../../shared/protocol/autoscaler-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'

/** A scale event under way: what everyone may see of it, and what is left to do. Plain data; every change is a new value. SPEC EL5. */
export interface RunningEvent {
  readonly event: ScaleEvent
  /** What will be published, as far as it is still possible. */
  readonly target: Placement
  /** Loads that were given up. Their hosts may hold the experts all the same, so they are dropped at the end. */
  readonly abandoned: readonly Move[]
  readonly published: boolean
  /** How many instances have taken it up: bounded. */
  readonly attempts: number
}

export interface EventStart {
  readonly id: number
  readonly reason: ScaleReason
  readonly plan: Pick<Plan, 'target' | 'moves'>
  readonly fromEpoch: number
  readonly planStartMs: number
  readonly nowMs: number
}

export function startEvent({ id, reason, plan, fromEpoch, planStartMs, nowMs }: EventStart): RunningEvent {
  const target = { ...plan.target, epoch: fromEpoch + 1 }
  const phases = [{ phase: 'plan', startMs: planStartMs, endMs: null, bytes: 0 }] as const
  const event: ScaleEvent = { id, reason, fromEpoch, toEpoch: target.epoch, moves: plan.moves, phases, state: 'running', error: null }
  return enterPhase({ event, target, abandoned: [], published: false, attempts: 0 }, 'wake', nowMs)
}

export function phaseOf({ event }: RunningEvent): Phase {
  return event.phases.at(-1)!.phase
}

/**
 * Ends the phase that is under way and begins the next one. Copy and probe are skipped where nothing is left to load;
 * publish and drain where the table stays as it is.
 */
export function nextPhase(running: RunningEvent, table: Placement, nowMs: number): RunningEvent {
  const loads = running.event.moves.some((move) => move.kind === 'load')
  const changes = !samePlaces(running.target, table)
  const skipped = new Set<Phase>([...(loads ? [] : (['copy', 'probe'] as const)), ...(changes || running.published ? [] : (['publish', 'drain'] as const))])
  const rest = PHASES.slice(PHASES.indexOf(phaseOf(running)) + 1)
  return enterPhase(running, rest.find((phase) => !skipped.has(phase)) ?? 'drop', nowMs)
}

function enterPhase(running: RunningEvent, phase: Phase, nowMs: number): RunningEvent {
  const phases = [...endLast(running.event.phases, nowMs), { phase, startMs: nowMs, endMs: null, bytes: 0 }]
  return { ...running, event: { ...running.event, phases } }
}

/** Bytes that the phase under way moved or freed. */
export function addBytes(running: RunningEvent, bytes: number): RunningEvent {
  const { phases } = running.event
  const last = phases.at(-1)!
  return { ...running, event: { ...running.event, phases: [...phases.slice(0, -1), { ...last, bytes: last.bytes + bytes }] } }
}

/** Keeps the first error: later ones mostly follow from it. */
export function noteError(running: RunningEvent, error: MoeError): RunningEvent {
  return running.event.error ? running : { ...running, event: { ...running.event, error } }
}

/**
 * Gives loads up: the target goes on without them. An expert whose base replica would have moved there stays as the table has it, with all its moves. SPEC EL6.
 * Not after it was published: then the table is what it is.
 */
export function abandonLoads(running: RunningEvent, table: Placement, isLost: (move: Move) => boolean, error: MoeError): RunningEvent {
  const lost = running.event.moves.filter((move) => move.kind === 'load' && isLost(move))
  if (lost.length === 0 || running.published) return noteError(running, error)
  const { target } = running
  const hostIndex = (move: Move) => target.hosts.indexOf(move.host)
  const reverted = new Set(lost.filter((move) => target.base[move.layer]![move.expert] === hostIndex(move)).map(expertKey))
  const gone = new Set(lost.map((move) => `${expertKey(move)}@${hostIndex(move)}`))
  const given = running.event.moves.filter((move) => move.kind === 'load' && (reverted.has(expertKey(move)) || lost.includes(move)))
  const base = target.base.map((experts, layer) => experts.map((host, expert) => (reverted.has(`${layer}/${expert}`) ? table.base[layer]![expert]! : host)))
  const layers = target.layers.map((experts, layer) =>
    experts.map((replicas, expert) => {
      if (reverted.has(`${layer}/${expert}`)) return table.layers[layer]![expert]!
      return replicas.filter((host) => !gone.has(`${layer}/${expert}@${host}`))
    }),
  )
  const moves = running.event.moves.filter((move) => !reverted.has(expertKey(move)) && !given.includes(move))
  const event = { ...running.event, moves }
  return noteError({ ...running, event, target: { ...target, base, layers }, abandoned: [...running.abandoned, ...given] }, error)
}

function expertKey(move: Move): string {
  return `${move.layer}/${move.expert}`
}

/** What the end of the event must free: what the new table does not need, and what was copied in vain. */
export function dropsOf(running: RunningEvent, table: Placement): Move[] {
  const planned = running.event.moves.filter((move) => move.kind === 'drop')
  return [...planned, ...running.abandoned].filter(({ layer, expert, host }) => !table.layers[layer]![expert]!.includes(table.hosts.indexOf(host)))
}

/** The event as history keeps it. Failed: something went wrong and nothing came of it. */
export function finishEvent({ event, published }: RunningEvent, nowMs: number): ScaleEvent {
  const failed = event.error !== null && !published && event.moves.length === 0
  return { ...event, toEpoch: published ? event.toEpoch : event.fromEpoch, phases: endLast(event.phases, nowMs), state: failed ? 'failed' : 'done' }
}

function endLast(phases: ScaleEvent['phases'], nowMs: number): ScaleEvent['phases'] {
  return phases.map((record) => (record.endMs === null ? { ...record, endMs: nowMs } : record))
}
