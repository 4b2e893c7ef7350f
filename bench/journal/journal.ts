import { join } from 'node:path'
import { readPackFolder } from '../../cli/pack-folder.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { deployed } from '../cluster/layouts.ts'
import { warmUp, withClusters } from '../cluster/with-clusters.ts'
import { batchDecodeRate, createPrompts } from '../cluster/workload.ts'
import type { BenchOptions, BenchResult } from '../figures.ts'
import { orMissing, Samples } from '../samples.ts'
import type { StoreKind } from './store-kinds.ts'

const PROMPT = 16
/** Writes a round, of so many tokens each. */
const WRITES = 100
const WRITE_TOKENS = 64
/** Sequences at once, and new tokens of each. */
const RUNS = [
  { batch: 1, newTokens: 257 },
  { batch: 16, newTokens: 129 },
] as const

interface Case {
  readonly store: StoreKind
  /** How long new tokens wait for their write; 0: each step writes. */
  readonly batchMs: number
}

const NONE: Case = { store: 'none', batchMs: 0 }
/** The second is the product's. What a write costs is seen where each step makes one. */
const CASES: readonly Case[] = [
  { store: 'unconfirmed', batchMs: 0 },
  { store: 'unconfirmed', batchMs: 500 },
  { store: 'confirmed', batchMs: 0 },
]

/** What the engine's journal costs the demo model, by how it writes: decode tokens/s, and CPU time a token, which neighbours disturb less. */
export function run({ quick }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 1 : 5
  return withClusters(async (start) => {
    const folder = join(REPOSITORY, 'models/demo')
    const manifest = await readPackFolder(folder)
    const settings = deployed(manifest, 'q8', 'q8')
    const samples = new Samples()
    const prompts = createPrompts(1)
    const clusters = new Map<string, Awaited<ReturnType<typeof start.cluster>>>()
    for (const each of [NONE, ...CASES]) {
      const vars = { JOURNAL_STORE: each.store, JOURNAL_MS: String(each.batchMs) }
      const scripts = { engine: 'bench/workers/journal-engine.ts', expert: 'workers/expert/expert.ts', vars }
      const cluster = await start.cluster(`journal-${nameOf(each)}`, { folder, manifest }, settings, scripts)
      await warmUp(cluster, manifest.spec.vocab)
      clusters.set(nameOf(each), cluster)
    }
    for (let round = 0; round < rounds; round++) {
      const ms = await clusters.get(nameOf(NONE))!.engine<number>('writeMs', WRITES, WRITE_TOKENS)
      samples.add('write', ms)
      for (const { batch, newTokens } of RUNS) {
        for (const [name, cluster] of round % 2 === 0 ? clusters : [...clusters].toReversed()) {
          const before = cluster.cpuMs()
          const times = await cluster.generate({ prompts: Array.from({ length: batch }, () => prompts(PROMPT)), maxTokens: quick ? 33 : newTokens })
          const after = cluster.cpuMs()
          samples.add(`${name}.${batch}`, batchDecodeRate(times, batch))
          if (before !== null && after !== null) samples.add(`cpu.${name}.${batch}`, (after - before) / times.tokens.length)
        }
      }
    }
    const outcomes = RUNS.flatMap(({ batch }) => [
      samples.figure(`journal.decode${batch}.none`, 'tokens/s', `none.${batch}`),
      ...CASES.map(nameOf).flatMap((name) => [
        samples.ratio(`journal.decode${batch}.${name}_over_none`, `${name}.${batch}`, `none.${batch}`),
        orMissing(`journal.cpu${batch}.${name}_over_none`, samples.has(`cpu.none.${batch}`) ? null : 'this system does not say how long a process ran', () =>
          samples.ratio(`journal.cpu${batch}.${name}_over_none`, `cpu.${name}.${batch}`, `cpu.none.${batch}`, 'CPU time a token, prompts included'),
        ),
      ]),
    ])
    return { outcomes: [samples.figure('journal.write_ms', 'ms', 'write', `${WRITE_TOKENS} tokens, until the disk has them`), ...outcomes] }
  })
}

function nameOf({ store, batchMs }: Case): string {
  return store === 'none' ? store : `${store}${batchMs}`
}
