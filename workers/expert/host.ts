import { padCols } from '../../shared/core/layout.ts'
import { moeLayers } from '../../shared/core/model-spec.ts'
import { expertMatrices } from '../../shared/core/tensors.ts'
import type { Deadlines } from '../../shared/protocol/deadlines.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { buildErrorFrame, NO_SEQUENCE, parseRunFrame } from '../../shared/protocol/frame.ts'
import type { RunFrame } from '../../shared/protocol/frame.ts'
import type { ExpertRef, HostReport, HostStatusReport } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { createRangeReader } from '../../shared/protocol/range-reader.ts'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { activationBytes } from '../../wasm/src/linear.ts'
import type { EmulatedRate } from './emulated-rate.ts'
import { createExpertLoader } from './expert-loader.ts'
import { createHostControl } from './host-control.ts'
import type { HostMemory } from './host-memory.ts'
import { createHostSessions } from './host-sessions.ts'
import type { Assignment } from './host-sessions.ts'
import { countBuffers } from './host-usage.ts'
import { runExperts } from './run-experts.ts'

export interface HostDeps {
  /** Parts of at most LIMITS.chunkBytes for what frames ask for, of LIMITS.copyPartBytes for what orders do. */
  readonly store: RangeStore
  readonly copyStore: RangeStore
  /** Lower-case hex. */
  readonly sha256Hex: (bytes: Uint8Array) => Promise<string>
  /** Of reads, from storage and from peers. */
  readonly deadlines: Deadlines
  readonly manifest: Manifest
  readonly tier: Tier
  /** At module scope in a Worker: outlives this host. */
  readonly memory: HostMemory
  /** Hex, 12 bytes, one per isolate. */
  readonly isolateId: string
  readonly rate: EmulatedRate
}

/**
 * An expert host without its platform: checks hellos, loads experts on first use and runs frames; `control` does what the autoscaler orders. It
 * decides nothing. One per Durable Object instance: a load in flight belongs to the instance, because a promise dies with the object that made it.
 */
export function createExpertHost(deps: HostDeps) {
  const { memory, manifest, tier, isolateId, rate, sha256Hex, deadlines } = deps
  const { slots, drained, usage } = memory
  const { spec } = manifest
  const layers = new Set(moeLayers(spec))
  const rowBytes = activationBytes(memory.encoding, spec.hidden)
  const expertWeights = expertMatrices(spec).reduce((sum, m) => sum + m.rows * m.cols, 0)
  /** Frames that came and are not answered. */
  const underWay = new Set<{ readonly frame: RunFrame; readonly done: Promise<unknown> }>()
  const reader = createRangeReader({ store: countBuffers(deps.store, LIMITS.chunkBytes, usage), sha256Hex, deadlines })
  const copyReader = createRangeReader({ store: countBuffers(deps.copyStore, LIMITS.copyPartBytes, usage), sha256Hex, deadlines })
  const sessions = createHostSessions(manifest, tier, drained)
  const loader = createExpertLoader({ manifest, tier, memory, isAssigned: sessions.isAssigned })
  const control = createHostControl({ memory, tier, loader, copyReader, sha256Hex, deadlines, checkOrder: sessions.checkOrder, framesDone, status })

  /** One frame in, one frame out; an expected failure is an error frame. Nobody waits where all of its experts are resident. */
  function run(bytes: Uint8Array, assignment: Assignment): Uint8Array | Promise<Uint8Array> {
    rate.look()
    const frame = parseRunFrame(bytes)
    if (!frame.ok) return buildErrorFrame(NO_SEQUENCE, isolateId, frame.error)
    const checked = checkFrame(frame.value, assignment)
    if (!checked.ok) return answer(frame.value, checked)
    const fromMs = rate.nowMs()
    const reply = runResident(frame.value)
    if (!reply.ok) return track(frame.value, loadAndRun(frame.value))
    const done = atRate(frame.value, fromMs)
    return done
      ? track(
          frame.value,
          done.then(() => reply.value),
        )
      : reply.value
  }

  async function loadAndRun(frame: RunFrame): Promise<Uint8Array> {
    const experts = Array.from(frame.expertIds, (expert): ExpertRef => [frame.layer, expert])
    const ready = await loader.ensure(experts, (ranges) => reader.load(ranges, (bytes) => usage.count('storageBytes', bytes)))
    if (!ready.ok) return answer(frame, ready)
    const fromMs = rate.nowMs()
    const reply = runResident(frame)
    if (reply.ok) await atRate(frame, fromMs)
    return answer(frame, reply)
  }

  /** Resolves when the emulated machine would be done; null where it is, or none is emulated. */
  function atRate(frame: RunFrame, fromMs: number): Promise<void> | null {
    return rate.done(frame.pairs * expertWeights, fromMs)
  }

  function track<T>(frame: RunFrame, done: Promise<T>): Promise<T> {
    const entry = { frame, done }
    underWay.add(entry)
    return done.finally(() => underWay.delete(entry))
  }

  async function framesDone(experts: readonly ExpertRef[]): Promise<void> {
    const concerned = Array.from(underWay).filter(({ frame }) => experts.some(([layer, expert]) => layer === frame.layer && frame.expertIds.includes(expert)))
    await Promise.allSettled(concerned.map(({ done }) => done))
  }

  function answer(frame: RunFrame, reply: Result<Uint8Array, MoeError>): Uint8Array {
    return reply.ok ? reply.value : buildErrorFrame(frame.sequence, isolateId, reply.error)
  }

  /** Whether the frame is for this model and this session. SPEC WI2, WI4. */
  function checkFrame(frame: RunFrame, assignment: Assignment): Result<void, MoeError> {
    if (!layers.has(frame.layer))
      return fail('frame-invalid', `layer ${frame.layer} has no experts`, { field: 'layer', got: frame.layer, limit: spec.layers.length })
    if (frame.rowBytes !== rowBytes)
      return fail('frame-invalid', `activations have ${frame.rowBytes} bytes, expected ${rowBytes}`, {
        field: 'rowBytes',
        got: frame.rowBytes,
        limit: rowBytes,
      })
    const replyBytes = frame.pairs * padCols(spec.hidden) * 4
    if (replyBytes > LIMITS.frameBytesMax)
      return fail('frame-invalid', `the reply would have ${replyBytes} bytes`, { field: 'pairs', got: replyBytes, limit: LIMITS.frameBytesMax })
    const { layer } = frame
    const stranger = frame.expertIds.find((expert) => !assignment.has(layer, expert) || drained.refuses(layer, expert, assignment.epoch))
    return stranger === undefined ? ok(undefined) : notResident(frame, stranger)
  }

  /** Looks up and runs without an await between: what is resident here stays so until the rows are out. */
  function runResident(frame: RunFrame): Result<Uint8Array, MoeError> {
    const weights = []
    for (const expert of frame.expertIds) {
      const found = slots.weightsOf(frame.layer, expert)
      if (!found) return notResident(frame, expert)
      weights.push(found)
    }
    usage.count('frames', 1)
    usage.count('pairs', frame.pairs)
    return ok(runExperts(memory, frame, weights, isolateId))
  }

  function report(): HostReport {
    const { residentBytes, residentCount } = slots
    return { isolateId, kernels: memory.kernels.variant, residentBytes, arenaBytes: memory.arenaBytes, residentExperts: residentCount }
  }

  function status(): HostStatusReport {
    return { ...report(), peakBytes: usage.peakBytes, queuedFrames: underWay.size, work: usage.work }
  }

  return { open: sessions.open, run, report, control }
}

export type ExpertHost = ReturnType<typeof createExpertHost>

function notResident({ layer, epoch }: RunFrame, expert: number): { readonly ok: false; readonly error: MoeError } {
  return fail('not-resident', `expert ${expert} of layer ${layer} is not on this host`, { layer, expert, epoch })
}
