import { moeError } from '../../shared/protocol/errors.ts'
import type { ErrorCode, MoeError } from '../../shared/protocol/errors.ts'
import { parseRunFrame } from '../../shared/protocol/frame.ts'
import type { RunFrame } from '../../shared/protocol/frame.ts'
import { err, ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { ExpertHosts, StepEpoch } from './expert-hosts.ts'
import { chooseReplicas, segmentsOf, subFrame } from './reroute.ts'
import type { Route, Segment } from './reroute.ts'

const DONE = ok(undefined)

/** How long an expert that no host gives is waited for, by what was wrong last: a host that is lost takes its lease and a copy to replace, storage heals or does not. */
export const RELOAD_MS = 60_000
export const STORAGE_MS = 15_000
const BACKOFF_MIN_MS = 20
const BACKOFF_MAX_MS = 1000

const STORAGE_CODES: ReadonlySet<ErrorCode> = new Set(['storage-unavailable', 'weights-missing', 'weights-corrupt'])

/** Pairs that have no rows yet. */
interface Unanswered extends Segment {
  /** Hosts that were asked since the last wait. */
  readonly refused: Set<string>
  readonly error: MoeError
  /** Since when storage is what is wrong; null where it was something else last. */
  readonly storageSinceMs: number | null
}

/** Rows of a segment: [count, row bytes]. */
interface Answered {
  readonly segment: Segment
  readonly rows: Uint8Array
}

interface Round {
  readonly answered: Answered[]
  readonly left: Unanswered[]
  /** No host was left to ask. */
  readonly stuck: boolean
}

export interface RecoveryDeps {
  readonly hosts: ExpertHosts
  /** Bytes of one row. */
  readonly rowBytes: number
  nextSequence(): number
  /** Nobody wants the step's result any more. */
  abandoned(): boolean
}

/**
 * What becomes of the pairs of a call that failed, or is late: the same activations to other replicas, as the newest placement has them (a lost
 * host's experts may have found a place since the step began). Frames are cut from the call's own, so whatever lies in the lane's memory is
 * neither read nor written until `store`. SPEC FA4 to FA6.
 */
export function createRecovery(deps: RecoveryDeps) {
  const { hosts, rowBytes } = deps

  /**
   * Asks until every pair has its row, or nothing is left to hope for.
   * @param frame of the call that failed, `host` at `error`.
   * @param store takes rows: `first` counts from the first row of the call.
   */
  async function recover(frame: Uint8Array, host: string, error: MoeError, store: (first: number, rows: Uint8Array) => void): Promise<Result<void, MoeError>> {
    const whole = readFrame(frame)
    const beganMs = hosts.nowMs()
    let left = segmentsOf(whole).map((segment): Unanswered => ({ ...segment, refused: new Set([host]), ...failed(host, error, null) }))
    for (let waits = 0; ;) {
      const round = await ask(whole, left)
      for (const { segment, rows } of round.answered) store(segment.first, rows)
      left = round.left
      if (left.length === 0) return DONE
      if (deps.abandoned()) return err(left[0]!.error)
      if (!round.stuck) continue
      const hopeless = left.find((segment) => isHopeless(segment, beganMs))
      if (hopeless) return err(hopeless.error)
      await hosts.changed(hosts.wait(backoffMs(waits++)))
      for (const { refused } of left) refused.clear()
    }
  }

  /** Asks other replicas than `host`, each expert once. @returns all rows, or null where not every replica answered. */
  async function elsewhere(frame: Uint8Array, host: string): Promise<Answered[] | null> {
    const whole = readFrame(frame)
    const error = moeError('host-unavailable', `${host} is late`, { host })
    const segments = segmentsOf(whole).map((segment): Unanswered => ({ ...segment, refused: new Set([host]), error, storageSinceMs: null }))
    const { answered, left } = await ask(whole, segments)
    return left.length === 0 ? answered : null
  }

  /** One round: every segment to one replica, where there is one to ask. */
  async function ask(whole: RunFrame, segments: readonly Unanswered[]): Promise<Round> {
    const epoch = hosts.newest()
    const { routes, stuck } = chooseReplicas(epoch.placement, whole.layer, segments, ({ refused }, name) => refused.has(name), hosts.health.avoids)
    const answers = await Promise.all(routes.map((route) => askHost(epoch, whole, route)))
    return {
      answered: answers.flatMap(({ answered }) => answered),
      left: [...stuck, ...answers.flatMap(({ left }) => left)].toSorted((a, b) => a.first - b.first),
      stuck: routes.length === 0,
    }
  }

  async function askHost(epoch: StepEpoch, whole: RunFrame, { host, segments }: Route<Unanswered>): Promise<Omit<Round, 'stuck'>> {
    const { header, frame } = subFrame(whole, segments, deps.nextSequence(), epoch.placement.epoch)
    const reply = await hosts.ask(epoch, host, frame, header, rowBytes)
    if (!reply.ok) {
      const name = epoch.placement.hosts[host]!
      const left = segments.map((segment) => ({ ...segment, refused: segment.refused.add(name), ...failed(name, reply.error, segment.storageSinceMs) }))
      return { answered: [], left }
    }
    let row = 0
    const answered = segments.map((segment) => {
      const rows = reply.value.rows.subarray(row * rowBytes, (row + segment.count) * rowBytes)
      row += segment.count
      return { segment, rows }
    })
    return { answered, left: [] }
  }

  /** A host that is full has room once an older epoch is drained, and its experts may go elsewhere: it is waited for like one that is lost. */
  function failed(host: string, error: MoeError, storageSinceMs: number | null): Pick<Unanswered, 'error' | 'storageSinceMs'> {
    const passing = error.code === 'over-budget' ? moeError('host-unavailable', `${host} is full: ${error.message}`, { host }) : error
    return { error: passing, storageSinceMs: STORAGE_CODES.has(error.code) ? (storageSinceMs ?? hosts.nowMs()) : null }
  }

  /** Storage has its time from its first error on: before that a host may have been lost, or a read silent. */
  function isHopeless({ error, storageSinceMs }: Unanswered, beganMs: number): boolean {
    const now = hosts.nowMs()
    return !error.retryable || now - beganMs >= RELOAD_MS || (storageSinceMs !== null && now - storageSinceMs >= STORAGE_MS)
  }

  return { recover, elsewhere }
}

/** Before a wait: a reset host is back at once, a new placement takes seconds. */
export function backoffMs(waits: number): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 4 ** waits)
}

/** The engine's own frame: one that cannot be read is a fault of ours. */
function readFrame(frame: Uint8Array): RunFrame {
  const whole = parseRunFrame(frame)
  if (!whole.ok) throw new Error(`the engine built a frame that it cannot read: ${whole.error.message}`)
  return whole.value
}
