import { padCols } from '../../shared/core/layout.ts'
import { moeLayers } from '../../shared/core/model-spec.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { buildErrorFrame, NO_SEQUENCE, parseRunFrame } from '../../shared/protocol/frame.ts'
import type { RunFrame } from '../../shared/protocol/frame.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { Hello, HostReport } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { RangeReader } from '../../shared/protocol/range-reader.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { activationBytes } from '../../wasm/src/linear.ts'
import { createExpertLoader } from './expert-loader.ts'
import type { HostMemory } from './host-memory.ts'
import { runExperts } from './run-experts.ts'

export interface HostDeps {
  readonly reader: RangeReader
  readonly manifest: Manifest
  readonly tier: Tier
  /** At module scope in a Worker: outlives this host. */
  readonly memory: HostMemory
  /** Hex, 12 bytes, one per isolate. */
  readonly isolateId: string
}

/** What one session may ask for: the experts of its hello. */
export interface Assignment {
  has(layer: number, expert: number): boolean
}

/**
 * An expert host without its platform: checks hellos, loads experts on first use and runs frames. It decides nothing.
 * One per Durable Object instance: a load in flight belongs to the instance, because a promise dies with the object that made it.
 */
export function createExpertHost(deps: HostDeps) {
  const { memory, manifest, tier, isolateId } = deps
  const { spec } = manifest
  const layers = new Set(moeLayers(spec))
  const rowBytes = activationBytes(memory.encoding, spec.hidden)
  const loader = createExpertLoader(deps)

  /** Accepts a session, or says which field differs. SPEC WI1. */
  function open(hello: Hello): Result<Assignment, MoeError> {
    const want = { protocolVersion: PROTOCOL_VERSION, model: manifest.name, digest: manifest.digest, tier }
    for (const [field, value] of Object.entries(want)) {
      const got = hello[field as keyof typeof want]
      if (got !== value)
        return fail('hello-mismatch', `this host serves ${field} ${value}, the engine asks for ${got}`, { field, want: String(value), got: String(got) })
    }
    const unknown = hello.experts.find(([layer, expert]) => !layers.has(layer) || !(expert >= 0 && expert < spec.router.experts))
    if (unknown)
      return fail('hello-mismatch', `the pack has no expert ${unknown.join('/')}`, { field: 'experts', want: 'experts of the pack', got: unknown.join('/') })
    const { experts } = spec.router
    const given = new Set(hello.experts.map(([layer, expert]) => layer * experts + expert))
    return ok({ has: (layer, expert) => given.has(layer * experts + expert) })
  }

  /** One frame in, one frame out; an expected failure is an error frame. Nobody waits where all of its experts are resident. */
  function run(bytes: Uint8Array, assignment: Assignment): Uint8Array | Promise<Uint8Array> {
    const frame = parseRunFrame(bytes)
    if (!frame.ok) return buildErrorFrame(NO_SEQUENCE, isolateId, frame.error)
    const checked = checkFrame(frame.value, assignment)
    if (!checked.ok) return answer(frame.value, checked)
    const reply = runResident(frame.value)
    return reply.ok ? reply.value : loadAndRun(frame.value, assignment)
  }

  async function loadAndRun(frame: RunFrame, assignment: Assignment): Promise<Uint8Array> {
    const ready = await loader.ensure(frame.layer, frame.expertIds, assignment)
    return answer(frame, ready.ok ? runResident(frame) : ready)
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
    const stranger = frame.expertIds.find((expert) => !assignment.has(frame.layer, expert))
    return stranger === undefined ? ok(undefined) : notResident(frame, stranger)
  }

  /** Looks up and runs without an await between: what is resident here stays so until the rows are out. */
  function runResident(frame: RunFrame): Result<Uint8Array, MoeError> {
    const weights = []
    for (const expert of frame.expertIds) {
      const found = memory.slots.weightsOf(frame.layer, expert)
      if (!found) return notResident(frame, expert)
      weights.push(found)
    }
    return ok(runExperts(memory, frame, weights, isolateId))
  }

  function report(): HostReport {
    const { residentBytes, residentCount } = memory.slots
    return { isolateId, kernels: memory.kernels.variant, residentBytes, arenaBytes: memory.arenaBytes, residentExperts: residentCount }
  }

  return { open, run, report }
}

export type ExpertHost = ReturnType<typeof createExpertHost>

function notResident({ layer, epoch }: RunFrame, expert: number): { readonly ok: false; readonly error: MoeError } {
  return fail('not-resident', `expert ${expert} of layer ${layer} is not on this host`, { layer, expert, epoch })
}
