import { quantizeActivations } from '../../shared/core/activations.ts'
import { padCols } from '../../shared/core/layout.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { probeVector } from '../../shared/core/probe-vector.ts'
import { hostTokenBytes } from '../../shared/core/scratch.ts'
import { expertSlotBytes } from '../../shared/placement/expert-bytes.ts'
import { expertRanges, PROBE_DIGEST_CHARS } from '../../shared/protocol/manifest.ts'
import type { ExpertEntry, StoredRange } from '../../shared/protocol/manifest.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { Arena, createMemory } from './arena.ts'
import { expertWeightsAt } from './expert-weights.ts'
import { instantiateKernels } from './kernels.ts'
import type { KernelModules, Kernels } from './kernels.ts'
import { activationBytes } from './linear.ts'
import { swiglu } from './swiglu.ts'
import type { SwigluWeights } from './swiglu.ts'

/** Addresses of the buffers of `hostTokenBytes`, at least one token each. */
export type HostScratch = { readonly [B in keyof ReturnType<typeof hostTokenBytes>]: number }

export type Sha256Hex = (bytes: Uint8Array<ArrayBuffer>) => Promise<string> | string

/**
 * One forward of an expert on the probe vector, through the kernels that serve frames and with the bits of a frame's row. SPEC PK10.
 * @param scratch is written to.
 * @returns the row without its padding, f32 [hidden], a view of `scratch.out`: good until that is written again.
 */
export function probeRow(k: Kernels, arena: Arena, spec: ModelSpec, weights: SwigluWeights, scratch: HostScratch): Uint8Array<ArrayBuffer> {
  const stride = activationBytes(weights.gate.encoding, spec.hidden)
  const vector = probeVector(spec.hidden)
  if (weights.gate.encoding === 'f32-matrix') {
    const x = arena.f32(scratch.x, padCols(spec.hidden))
    x.fill(0)
    x.set(vector)
  } else quantizeActivations(vector, spec.hidden, arena.u8(scratch.xQ, stride))
  const activations = { f32: scratch.x, f32Stride: stride, q8: scratch.xQ, q8Stride: stride }
  swiglu(k, weights, activations, scratch, scratch.out, padCols(spec.hidden) * 4, 1)
  return arena.u8(scratch.out, spec.hidden * 4)
}

/** What a pack records of a probe's row. */
export async function probeDigest(row: Uint8Array<ArrayBuffer>, sha256Hex: Sha256Hex): Promise<string> {
  return (await sha256Hex(row)).slice(0, PROBE_DIGEST_CHARS)
}

/** Memory for one expert after the other, for those who make packs. */
export interface ExpertProber {
  /** Where an expert's ranges go, one behind the other. */
  readonly slot: Uint8Array
  /** The row of what lies in `slot`; a copy. */
  run(tier: Tier): Uint8Array<ArrayBuffer>
}

export function createExpertProber(modules: KernelModules, spec: ModelSpec, tiers: readonly Tier[]): ExpertProber {
  const bytes = hostTokenBytes(spec)
  const slotBytes = Math.max(...tiers.map((tier) => expertSlotBytes(spec, tier)))
  const arena = new Arena(createMemory(Object.values(bytes).reduce((sum, buffer) => sum + buffer + 16, slotBytes)))
  const alloc = (name: keyof typeof bytes) => arena.alloc(bytes[name], name)
  const scratch = { x: alloc('x'), xQ: alloc('xQ'), gateUp: alloc('gateUp'), inner: alloc('inner'), out: alloc('out') }
  const slot = arena.alloc(slotBytes, 'expert')
  const kernels = instantiateKernels(modules, arena.memory, 'auto')
  return {
    slot: arena.u8(slot, slotBytes),
    run: (tier) => probeRow(kernels, arena, spec, expertWeightsAt(spec, tier, slot), scratch).slice(),
  }
}

/** Digests of one stored expert at each of the pack's tiers, null for the others. `read` fills `into` with a range. */
export async function probeStored(
  prober: ExpertProber,
  ranges: Pick<ExpertEntry, 'hi' | 'lo' | 'f32'>,
  tiers: readonly Tier[],
  read: (range: StoredRange, into: Uint8Array) => Promise<void> | void,
  sha256Hex: Sha256Hex,
): Promise<ExpertEntry['probe']> {
  const probe: Record<Tier, string | null> = { q8: null, q4: null, f32: null }
  for (const tier of tiers) {
    let at = 0
    for (const range of expertRanges(ranges, tier)) {
      await read(range, prober.slot.subarray(at, at + range.bytes))
      at += range.bytes
    }
    probe[tier] = await probeDigest(prober.run(tier), sha256Hex)
  }
  return probe
}
