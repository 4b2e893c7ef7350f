import { moeLayers } from '../../shared/core/model-spec.ts'
import { echo } from '../../shared/protocol/echo.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { EPOCH_MAX } from '../../shared/protocol/frame.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { ExpertOrder, ExpertRef, Hello } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import type { DrainedExperts } from './drained-experts.ts'

/** An open session: what it may ask for is the experts of its hello. They are not evicted before `close`. */
export interface Assignment {
  readonly epoch: number
  has(layer: number, expert: number): boolean
  /** The session ended, by itself or with its engine. Idempotent. */
  close(): void
}

/** Who talks to a host, and about which pack. The open assignments belong to the object: with it, its sessions end. SPEC WI1, RE8. */
export function createHostSessions(manifest: Manifest, tier: Tier, drained: DrainedExperts) {
  const { experts: expertCount } = manifest.spec.router
  const layers = new Set(moeLayers(manifest.spec))
  const assignments = new Set<Assignment>()

  /** Accepts a session, or says which field differs. */
  function open(hello: Hello): Result<Assignment, MoeError> {
    if (!namesExperts(hello)) return mismatch('experts', PAIRS, typeof hello)
    const checked = checkFields(hello, { protocolVersion: PROTOCOL_VERSION, model: manifest.name, digest: manifest.digest, tier })
    if (!checked.ok) return checked
    // One that is no number would make every later drain worth nothing.
    if (!(Number.isInteger(hello.epoch) && hello.epoch >= 0 && hello.epoch <= EPOCH_MAX)) return mismatch('epoch', `0 to ${EPOCH_MAX}`, String(hello.epoch))
    if (hello.experts.length > manifest.experts.length) return mismatch('experts', `at most ${manifest.experts.length}`, String(hello.experts.length))
    const given = new Set(hello.experts.map(([layer, expert]) => layer * expertCount + expert))
    const assignment: Assignment = {
      epoch: hello.epoch,
      has: (layer, expert) => given.has(layer * expertCount + expert),
      close: () => void assignments.delete(assignment),
    }
    assignments.add(assignment)
    drained.noteEpoch(hello.epoch)
    return ok(assignment)
  }

  /** Whether an order is for this pack, and not too large. */
  function checkOrder(order: ExpertOrder): Result<void, MoeError> {
    if (!namesExperts(order)) return mismatch('experts', PAIRS, typeof order)
    const got = order.experts.length
    const limit = LIMITS.orderExpertsMax
    if (got > limit) return fail('frame-invalid', `an order names ${got} experts, at most ${limit} are allowed`, { field: 'experts', got, limit })
    return checkFields(order, { protocolVersion: PROTOCOL_VERSION, digest: manifest.digest, tier })
  }

  function checkFields<G extends { readonly experts: readonly ExpertRef[] }>(got: G, want: Partial<G>): Result<void, MoeError> {
    for (const field of Object.keys(want) as (keyof G & string)[]) {
      if (got[field] !== want[field]) return mismatch(field, String(want[field]), String(got[field]))
    }
    const unknown = got.experts.find(([layer, expert]) => !layers.has(layer) || !(Number.isInteger(expert) && expert >= 0 && expert < expertCount))
    return unknown ? mismatch('experts', 'experts of the pack', String(unknown)) : ok(undefined)
  }

  /** Whether an open session may ask for the expert. */
  function isAssigned(layer: number, expert: number): boolean {
    for (const assignment of assignments) if (assignment.has(layer, expert)) return true
    return false
  }

  return { open, checkOrder, isAssigned }
}

const PAIRS = 'pairs of layer and expert'

/** RPC checks no types: whoever reaches the binding may send anything that can be cloned. */
function namesExperts(call: unknown): boolean {
  const experts = typeof call === 'object' && call !== null && 'experts' in call ? call.experts : null
  return Array.isArray(experts) && experts.every((ref: unknown) => Array.isArray(ref) && ref.length === 2 && ref.every((id) => typeof id === 'number'))
}

function mismatch(field: string, want: string, got: string): { readonly ok: false; readonly error: MoeError } {
  return fail('hello-mismatch', `this host serves ${field} ${want}, the caller asks for ${echo(got)}`, { field, want, got: echo(got) })
}
