import { kvPageBytes } from '../../shared/core/kv-layout.ts'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { CHUNK_DEFAULT } from '../../shared/core/scratch.ts'
import { planEngineMemory } from '../../shared/placement/budget.ts'
import { attend, prepareHeads } from '../../workers/engine/attention.ts'
import { createEngineMemory } from '../../workers/engine/engine-memory.ts'
import { createStepBatch } from '../../workers/engine/step-batch.ts'
import { KERNEL_MODULES } from '../../workers/kernel-modules.ts'
import type { AttentionRun } from '../attention-run.ts'
import { FULL_SHAPE, specOf } from '../synthetic/shape.ts'

const STEP_TOKENS = CHUNK_DEFAULT
const STEP = { lanes: 1, stepTokens: STEP_TOKENS }

/** The peers' synthetic model, but what attention does not touch is small. */
const SHAPE = { ...FULL_SHAPE, hidden: 32, vocab: 32, experts: 1, topK: 1, expertWidth: 32 }

let prepared: { readonly key: string; readonly run: () => void } | null = null

/** Memory with its pages filled, so that no read is of a page that nobody wrote. */
function prepareRun({ tier, kind, positions, sequences }: AttentionRun): () => void {
  const spec = specOf({ ...SHAPE, context: Math.max(positions, STEP_TOKENS) })
  const plan = planEngineMemory(spec, tier, STEP)
  if (!plan.ok) throw new Error(plan.error.message)
  const pagesEach = Math.ceil(positions / KV_PAGE_POSITIONS)
  const kvPages = sequences * pagesEach // however many: the arena limit is lifted
  const totalBytes = plan.value.trunkBytes + plan.value.scratchBytes + kvPages * kvPageBytes(spec, tier)
  const memory = createEngineMemory(spec, tier, { ...plan.value, kvPages, totalBytes }, STEP, KERNEL_MODULES, 'auto')[0]!
  const { arena, buffer, stride } = memory
  const batch = createStepBatch(memory)
  let state = 1
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1
  for (const name of ['q', 'k', 'v', 'cos', 'sin'] as const)
    arena.f32(buffer[name], (STEP_TOKENS * stride[name]) / 4).forEach((_, i, all) => (all[i] = random()))
  const norms = spec.layers.map((_, layer) => ({ qNorm: memory.vector(`layers.${layer}.q_norm`), kNorm: memory.vector(`layers.${layer}.k_norm`) }))
  for (const address of norms.flatMap(({ qNorm, kNorm }) => [qNorm, kNorm])) arena.f32(address, SHAPE.headDim).fill(1)
  const pageAddress = (s: number, position: number) => memory.kv + (s * pagesEach + Math.floor(position / KV_PAGE_POSITIONS)) * kvPageBytes(spec, tier)
  for (let s = 0; s < sequences; s++) arena.u32(memory.pageTable(s), pagesEach).forEach((_, i, table) => (table[i] = pageAddress(s, i * KV_PAGE_POSITIONS)))

  function place(t: number, s: number, position: number): void {
    batch.positions[t] = position
    batch.tables[t] = memory.pageTable(s)
    batch.pages[t] = pageAddress(s, position)
  }
  function layers(count: number, attends: boolean): void {
    for (const [layer, weights] of norms.entries()) {
      prepareHeads(memory, weights, layer, count)
      if (attends) attend(memory, { window: null }, layer, count)
    }
  }
  function prompt(s: number, attends: boolean): void {
    for (let from = 0; from < positions; from += STEP_TOKENS) {
      const count = Math.min(STEP_TOKENS, positions - from)
      for (let t = 0; t < count; t++) place(t, s, from + t)
      layers(count, attends)
    }
  }
  function decode(): void {
    for (let s = 0; s < sequences; s++) place(s, s, positions - 1)
    layers(sequences, true)
  }
  for (let s = 0; s < sequences; s++) prompt(s, false)
  return kind === 'decode' ? decode : () => prompt(0, true)
}

export default {
  async fetch(request: Request): Promise<Response> {
    const run = (await request.json()) as AttentionRun
    const key = JSON.stringify({ ...run, repeats: 0 })
    if (prepared?.key !== key) {
      prepared = null // the old memory may go before the next is made
      prepared = { key, run: prepareRun(run) }
    }
    for (let i = 0; i < run.repeats; i++) prepared.run()
    return new Response('done\n')
  },
} satisfies ExportedHandler
