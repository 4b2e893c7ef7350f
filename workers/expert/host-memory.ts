import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { HOST_ROWS, hostTokenBytes } from '../../shared/core/scratch.ts'
import { hostScratchBytes } from '../../shared/placement/budget.ts'
import { expertEncoding } from '../../shared/protocol/tiers.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import type { HostScratch } from '../../wasm/src/expert-probe.ts'
import { Arena, createMemory } from '../../wasm/src/arena.ts'
import { instantiateKernels } from '../../wasm/src/kernels.ts'
import type { KernelChoice, KernelModules, Kernels } from '../../wasm/src/kernels.ts'
import type { Matrix } from '../../wasm/src/linear.ts'
import { createDrainedExperts } from './drained-experts.ts'
import type { DrainedExperts } from './drained-experts.ts'
import { createExpertSlots } from './expert-slots.ts'
import type { ExpertSlots } from './expert-slots.ts'
import { createHostUsage } from './host-usage.ts'
import type { HostUsage } from './host-usage.ts'

/**
 * A host's WASM memory: scratch for HOST_ROWS tokens, then the arena; and what is known of the weights there (pins, drained experts,
 * counters), which must live exactly as long. Made once per isolate and kept at module scope, so that an evicted object finds all of it
 * again (docs/design/residency.md).
 */
export interface HostMemory {
  readonly kernels: Kernels
  readonly arena: Arena
  readonly slots: ExpertSlots
  readonly drained: DrainedExperts
  readonly usage: HostUsage
  readonly spec: ModelSpec
  readonly encoding: Matrix['encoding']
  readonly arenaBytes: number
  /** Addresses of the buffers of `hostTokenBytes`, HOST_ROWS tokens each. */
  readonly scratch: HostScratch
}

export function createHostMemory(spec: ModelSpec, tier: Tier, arenaBytes: number, modules: KernelModules, choice: KernelChoice): HostMemory {
  const memory = createMemory(hostScratchBytes(spec) + arenaBytes)
  const arena = new Arena(memory)
  const bytes = hostTokenBytes(spec)
  const alloc = (name: keyof typeof bytes) => arena.alloc(bytes[name] * HOST_ROWS, name)
  const scratch = { x: alloc('x'), xQ: alloc('xQ'), gateUp: alloc('gateUp'), inner: alloc('inner'), out: alloc('out') }
  const slots = createExpertSlots(spec, tier, arena.alloc(arenaBytes, 'experts'), arenaBytes)
  const drained = createDrainedExperts(spec.router.experts)
  const kernels = instantiateKernels(modules, memory, choice)
  return { kernels, arena, slots, drained, usage: createHostUsage(slots), spec, encoding: expertEncoding(tier), arenaBytes, scratch }
}
