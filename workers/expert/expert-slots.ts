import { encodedBytes, hiPlaneBytes } from '../../shared/core/layout.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { expertMatrices } from '../../shared/core/tensors.ts'
import { expertEncoding } from '../../shared/protocol/tiers.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { matrixAt } from '../../wasm/src/linear.ts'
import type { SwigluWeights } from '../../wasm/src/swiglu.ts'

const SLOT_ALIGN = 64

/**
 * The arena as equal slots, one expert each: experts of one model have one size, so nothing fragments.
 * A slot is free, loading (taken) or resident. Accounting is exact: SPEC RE4.
 */
export interface ExpertSlots {
  readonly slotBytes: number
  readonly residentBytes: number
  readonly residentCount: number
  weightsOf(layer: number, expert: number): SwigluWeights | null
  /** Address of a free slot, now taken; null when the arena is full. */
  take(): number | null
  /** The expert in a taken slot is complete and verified. */
  publish(layer: number, expert: number, address: number): void
  /** Gives a taken slot back. */
  release(address: number): void
  /** Forgets every resident expert. */
  clear(): void
  /** Gives back slots whose load died with the object that began it. */
  reclaim(): void
}

export function createExpertSlots(spec: ModelSpec, tier: Tier, base: number, arenaBytes: number): ExpertSlots {
  const expertBytes = expertMatrices(spec).reduce((sum, m) => sum + encodedBytes(expertEncoding(tier), m.rows, m.cols), 0)
  const slotBytes = Math.ceil(expertBytes / SLOT_ALIGN) * SLOT_ALIGN
  const free = Array.from({ length: Math.floor(arenaBytes / slotBytes) }, (_, i) => base + i * slotBytes).toReversed()
  const resident = new Map<string, { address: number; weights: SwigluWeights }>()
  const taken = new Set<number>()
  return {
    slotBytes,
    get residentBytes() {
      return resident.size * slotBytes
    },
    get residentCount() {
      return resident.size
    },
    weightsOf: (layer, expert) => resident.get(`${layer}/${expert}`)?.weights ?? null,
    take() {
      const address = free.pop() ?? null
      if (address !== null) taken.add(address)
      return address
    },
    publish(layer, expert, address) {
      taken.delete(address)
      resident.set(`${layer}/${expert}`, { address, weights: weightsAt(spec, tier, address) })
    },
    release(address) {
      if (taken.delete(address)) free.push(address)
    },
    clear() {
      for (const { address } of resident.values()) free.push(address)
      resident.clear()
    },
    reclaim() {
      free.push(...taken)
      taken.clear()
    },
  }
}

/** Where an expert's matrices lie from its slot's address on: hi planes of gate, up, down, then the lo planes. SPEC PK4. */
function weightsAt(spec: ModelSpec, tier: Tier, address: number): SwigluWeights {
  const encoding = expertEncoding(tier)
  const stored = expertMatrices(spec)
  const planeBytes = stored.map((m) => (encoding === 'f32-matrix' ? encodedBytes(encoding, m.rows, m.cols) : hiPlaneBytes(m.rows, m.cols)))
  let ptr = address
  let lo = address + planeBytes.reduce((sum, bytes) => sum + bytes, 0)
  const [gate, up, down] = stored.map((m, i) => {
    const matrix = matrixAt(encoding, ptr, m.rows, m.cols, lo)
    ptr += planeBytes[i]!
    lo += encodedBytes('q8', m.rows, m.cols) - hiPlaneBytes(m.rows, m.cols)
    return matrix
  })
  return { gate: gate!, up: up!, down: down!, width: spec.expert.width }
}
