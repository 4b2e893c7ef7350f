import { encodedBytes } from '../../shared/core/layout.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { contextPages } from '../../shared/core/kv-layout.ts'
import { engineFixedBytes, engineTokenBytes } from '../../shared/core/scratch.ts'
import type { StepLimits } from '../../shared/core/scratch.ts'
import { tensorEncoding, trunkTensors } from '../../shared/core/tensors.ts'
import type { EngineBudget } from '../../shared/placement/budget.ts'
import { trunkRange } from '../../shared/protocol/manifest.ts'
import type { TrunkEntry } from '../../shared/protocol/manifest.ts'
import type { RangeLoad } from '../../shared/protocol/range-reader.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { Arena, createMemory } from '../../wasm/src/arena.ts'
import { instantiateKernels } from '../../wasm/src/kernels.ts'
import type { KernelChoice, KernelModules, Kernels } from '../../wasm/src/kernels.ts'
import { matrixAt } from '../../wasm/src/linear.ts'
import type { Matrix } from '../../wasm/src/linear.ts'

type TokenBuffers = { readonly [B in keyof ReturnType<typeof engineTokenBytes>]: number }
type FixedBuffers = { readonly [B in keyof ReturnType<typeof engineFixedBytes>]: number }

/** What one lane sees of an engine's WASM memory: trunk and KV pages, which all lanes share, and step buffers of its own. Numbers are addresses. */
export interface EngineMemory {
  readonly kernels: Kernels
  readonly arena: Arena
  readonly spec: ModelSpec
  readonly tier: Tier
  readonly budget: EngineBudget
  /** Tokens that one step may have. */
  readonly stepTokens: number
  /** Bytes of one token in each buffer. */
  readonly stride: TokenBuffers
  readonly buffer: TokenBuffers & FixedBuffers
  /** Address of page 0; page i follows at i · kvPageBytes. */
  readonly kv: number
  /** Address of a trunk vector. An unknown name throws. */
  vector(name: string): number
  matrix(name: string): Matrix
  /** A u32 for each KV page of the sequence in `slot`: the page's address, in order of position. */
  pageTable(slot: number): number
  /** Where the stored trunk goes. Of a q8 matrix that is served at q4 only the hi plane has a place. SPEC PK4. */
  trunkLoads(entries: readonly TrunkEntry[]): RangeLoad[]
}

/** Makes the memory, once per isolate, at module scope. @returns the view of each lane, `lanes` of them; all are of one memory. */
export function createEngineMemory(
  spec: ModelSpec,
  tier: Tier,
  budget: EngineBudget,
  { lanes, stepTokens }: Pick<StepLimits, 'lanes' | 'stepTokens'>,
  modules: KernelModules,
  choice: KernelChoice,
): EngineMemory[] {
  const memory = createMemory(budget.totalBytes)
  const arena = new Arena(memory)
  const stride = engineTokenBytes(spec)
  const fixed = allocateAll(arena, engineFixedBytes(spec), 1)
  const laneBuffers = Array.from({ length: lanes }, () => ({ ...allocateAll(arena, stride, stepTokens), ...fixed }))
  const trunk = new Map(
    trunkTensors(spec).map((tensor) => {
      const encoding = tensorEncoding(tensor, budget.trunk)
      return [tensor.name, { ...tensor, encoding, address: arena.alloc(encodedBytes(encoding, tensor.rows, tensor.cols), tensor.name) }]
    }),
  )
  const kv = arena.alloc(budget.kvPages * budget.kvPageBytes, 'kv')

  function tensorOf(name: string) {
    const tensor = trunk.get(name)
    if (!tensor) throw new Error(`the trunk has no ${name}`)
    return tensor
  }
  function matrix(name: string): Matrix {
    const { encoding, address, rows, cols } = tensorOf(name)
    if (encoding === 'f32-vector') throw new Error(`${name} is not a matrix`)
    return matrixAt(encoding, address, rows, cols)
  }
  const kernels = instantiateKernels(modules, memory, choice)
  const memoryOfLane = (buffer: EngineMemory['buffer']): EngineMemory => ({
    kernels,
    arena,
    spec,
    tier,
    budget,
    stepTokens,
    stride,
    buffer,
    kv,
    vector: (name) => tensorOf(name).address,
    matrix,
    pageTable: (slot) => fixed.pageTables + slot * contextPages(spec) * 4,
    trunkLoads: (entries) =>
      entries.map((entry) => {
        const { encoding, address, rows, cols } = tensorOf(entry.name)
        const into = arena.u8(address, encodedBytes(encoding, rows, cols))
        return { ...trunkRange(entry, encoding), into }
      }),
  })
  return laneBuffers.map(memoryOfLane)
}

function allocateAll<T extends Readonly<Record<string, number>>>(arena: Arena, bytes: T, count: number): { readonly [B in keyof T]: number } {
  return Object.fromEntries(Object.entries(bytes).map(([name, each]) => [name, arena.alloc(each * count, name)])) as { readonly [B in keyof T]: number }
}
