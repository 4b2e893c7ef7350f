import { moeLayers } from '../../shared/core/model-spec.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { buildErrorFrame, parseRunFrame } from '../../shared/protocol/frame.ts'
import type { RunFrame } from '../../shared/protocol/frame.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { Hello, HostReport } from '../../shared/protocol/host-api.ts'
import { expertRanges } from '../../shared/protocol/manifest.ts'
import type { ExpertEntry, Manifest } from '../../shared/protocol/manifest.ts'
import { loadRanges } from '../../shared/protocol/range-reader.ts'
import type { Hasher, RangeStore } from '../../shared/protocol/range-reader.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { activationBytes } from '../../wasm/src/linear.ts'
import type { SwigluWeights } from '../../wasm/src/swiglu.ts'
import type { HostMemory } from './host-memory.ts'
import { runExperts } from './run-experts.ts'

export interface HostDeps {
  readonly store: RangeStore
  readonly createHasher: () => Hasher
  readonly manifest: Manifest
  readonly tier: Tier
  /** At module scope in a Worker: outlives this host. */
  readonly memory: HostMemory
  /** Hex, 12 bytes, one per isolate. */
  readonly isolateId: string
}

/** What one session may ask for: the experts of its hello. */
export type Assignment = ReadonlySet<string>

/**
 * An expert host without its platform: checks hellos, loads experts on first use and runs frames. It decides nothing.
 * One per Durable Object instance: a load in flight belongs to the instance, because a promise dies with the object that made it.
 */
export function createExpertHost(deps: HostDeps) {
  const { memory, manifest, tier, isolateId } = deps
  const entries = new Map(manifest.experts.map((entry) => [key(entry.layer, entry.expert), entry]))
  const layers = new Set(moeLayers(manifest.spec))
  const rowBytes = activationBytes(memory.encoding, manifest.spec.hidden)
  const loading = new Map<string, Promise<Result<void, MoeError>>>()
  memory.slots.reclaim()

  /** Accepts a session, or says which field differs. SPEC WI1. */
  function open(hello: Hello): Result<Assignment, MoeError> {
    const want = { protocolVersion: PROTOCOL_VERSION, model: manifest.name, digest: manifest.digest, tier }
    for (const [field, value] of Object.entries(want)) {
      const got = hello[field as keyof typeof want]
      if (got !== value)
        return fail('hello-mismatch', `this host serves ${field} ${value}, the engine asks for ${got}`, { field, want: String(value), got: String(got) })
    }
    const experts = hello.experts.map(([layer, expert]) => key(layer, expert))
    const unknown = experts.find((name) => !entries.has(name))
    if (unknown !== undefined)
      return fail('hello-mismatch', `the pack has no expert ${unknown}`, { field: 'experts', want: 'experts of the pack', got: unknown })
    return ok(new Set(experts))
  }

  /** One frame in, one frame out; an expected failure is an error frame. */
  async function run(bytes: Uint8Array, assignment: Assignment): Promise<Uint8Array> {
    const frame = parseRunFrame(bytes)
    if (!frame.ok) return buildErrorFrame(0, isolateId, frame.error)
    const weights = await weightsFor(frame.value, assignment)
    return weights.ok ? runExperts(memory, frame.value, weights.value, isolateId) : buildErrorFrame(frame.value.sequence, isolateId, weights.error)
  }

  async function weightsFor(frame: RunFrame, assignment: Assignment): Promise<Result<SwigluWeights[], MoeError>> {
    if (!layers.has(frame.layer))
      return fail('frame-invalid', `layer ${frame.layer} has no experts`, { field: 'layer', got: frame.layer, limit: manifest.spec.layers.length })
    if (frame.rowBytes !== rowBytes)
      return fail('frame-invalid', `activations have ${frame.rowBytes} bytes, expected ${rowBytes}`, {
        field: 'rowBytes',
        got: frame.rowBytes,
        limit: rowBytes,
      })
    const missing = Array.from(frame.expertIds).filter((expert) => !memory.slots.weightsOf(frame.layer, expert))
    const stranger = missing.find((expert) => !assignment.has(key(frame.layer, expert)))
    if (stranger !== undefined) {
      const details = { layer: frame.layer, expert: stranger, epoch: frame.epoch }
      return fail('not-resident', `expert ${stranger} of layer ${frame.layer} is not on this host`, details) // SPEC WI4
    }
    const loads = await Promise.all(missing.map((expert) => loadOnce(entries.get(key(frame.layer, expert))!)))
    const failed = loads.find((load) => !load.ok)
    if (failed && !failed.ok) return failed
    return ok(Array.from(frame.expertIds, (expert) => memory.slots.weightsOf(frame.layer, expert)!))
  }

  /** SPEC RE3: whoever comes while a load is under way waits for that one. */
  function loadOnce(entry: ExpertEntry): Promise<Result<void, MoeError>> {
    const name = key(entry.layer, entry.expert)
    const load = loading.get(name) ?? loadExpert(entry).finally(() => loading.delete(name))
    loading.set(name, load)
    return load
  }

  async function loadExpert(entry: ExpertEntry): Promise<Result<void, MoeError>> {
    const address = memory.slots.take()
    if (address === null) {
      const bytes = memory.slots.residentBytes + memory.slots.slotBytes
      return fail('over-budget', `no room for expert ${entry.expert} of layer ${entry.layer}`, { part: 'arena', bytes, budgetBytes: memory.arenaBytes })
    }
    const loaded = await readInto(entry, address)
    if (loaded.ok) memory.slots.publish(entry.layer, entry.expert, address)
    else memory.slots.release(address) // SPEC RE5
    return loaded
  }

  async function readInto(entry: ExpertEntry, address: number): Promise<Result<void, MoeError>> {
    let at = address
    const loads = expertRanges(entry, tier).map((range) => {
      const load = { ...range, into: memory.arena.u8(at, range.bytes) }
      at += range.bytes
      return load
    })
    return loadRanges(deps.store, deps.createHasher, loads)
  }

  function report(): HostReport {
    const { residentBytes, residentCount } = memory.slots
    return { isolateId, kernels: memory.kernels.variant, residentBytes, arenaBytes: memory.arenaBytes, residentExperts: residentCount }
  }

  return { open, run, report }
}

export type ExpertHost = ReturnType<typeof createExpertHost>

function key(layer: number, expert: number): string {
  return `${layer}/${expert}`
}
