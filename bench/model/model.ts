import type { BenchCluster } from '../cluster/cluster.ts'
import { deployed, oneHost } from '../cluster/layouts.ts'
import { warmUp, withClusters } from '../cluster/with-clusters.ts'
import { batchDecodeRate, createPrompts, prefillRate } from '../cluster/workload.ts'
import type { BenchOptions, BenchResult } from '../figures.ts'
import { Samples } from '../samples.ts'
import { syntheticPack } from '../synthetic/pack.ts'
import { FULL_SHAPE, QUICK_SHAPE } from '../synthetic/shape.ts'
import { BATCHES, LANES, LAYOUTS, modelOutcomes, PREFILLS, SPREAD_BATCHES } from './outcomes.ts'
import type { Layout } from './outcomes.ts'
import { startReadBench } from './read-bandwidth.ts'
import { stepBytes } from './step-bytes.ts'
import { createStepProfiler } from './step-profile.ts'

/** Short: the first of 16 such sequences still decodes when the last begins, and the KV pages of one isolate hold them all. */
const BATCH_PROMPT = 16
const LANES_BATCH = 16
const RTT_MS = 2
const PROFILED = { engine: 'bench/workers/profiled-engine.ts', expert: 'bench/workers/profiled-expert.ts' }

/** Whole-model speed on the synthetic model, q4 throughout: one host and as deployed, where a step's time goes, and the limit of the memory. */
export function run({ quick }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 1 : 5
  const newTokens = quick ? 17 : 33
  return withClusters(async (start) => {
    const pack = await syntheticPack(quick ? QUICK_SHAPE : FULL_SHAPE)
    const { manifest } = pack
    const { spec } = manifest
    const settings = { one_host: oneHost(manifest, 'q4', 'q4'), deployed: deployed(manifest, 'q4', 'q4') }
    const prompts = createPrompts(1)
    const samples = new Samples()

    const clusters: Record<Layout | 'spread', BenchCluster> = {
      one_host: await start.cluster('q4-one-host', pack, settings.one_host),
      deployed: await start.cluster('q4-deployed', pack, settings.deployed),
      spread: await start.cluster('q4-spread', pack, deployed(manifest, 'q4', 'q4', 'spread')),
    }
    const byLanes: BenchCluster[] = []
    for (const lanes of LANES) byLanes.push(await start.cluster(`q4-lanes-${lanes}`, pack, { ...settings.deployed, lanes, rttMs: RTT_MS }))
    const profiled = {
      one_host: await start.cluster('q4-profiled-one-host', pack, settings.one_host, PROFILED),
      deployed: await start.cluster('q4-profiled-deployed', pack, settings.deployed, PROFILED),
    }
    const read = await start.keep(startReadBench())
    for (const each of [...Object.values(clusters), ...Object.values(profiled), ...byLanes]) await warmUp(each, spec.vocab)
    const profiler = (layout: Layout) =>
      createStepProfiler(profiled[layout], { hosts: settings[layout].hosts, layers: spec.layers.length, newTokens, nextPrompt: () => prompts(BATCH_PROMPT) })
    const profilers = { one_host: await profiler('one_host'), deployed: await profiler('deployed') }

    for (let round = 0; round < rounds; round++) {
      samples.add('read', (await read.bytesPerSecond()) / 1e9)
      for (const batch of BATCHES) {
        for (const layout of LAYOUTS) samples.add(`decode${batch}.${layout}`, await decode(clusters[layout], batch))
        if (SPREAD_BATCHES.includes(batch)) samples.add(`decode${batch}.spread`, await decode(clusters.spread, batch))
      }
      for (const tokens of PREFILLS) for (const layout of LAYOUTS) samples.add(`prefill${tokens}.${layout}`, await prefill(clusters[layout], tokens))
      for (const layout of LAYOUTS) {
        for (const [part, value] of Object.entries(await profilers[layout].measure())) if (value !== null) samples.add(`${part}.${layout}`, value)
      }
      for (const [i, lanes] of LANES.entries()) samples.add(`lanes${lanes}`, await decode(byLanes[i]!, LANES_BATCH))
    }

    const context = BATCH_PROMPT + newTokens / 2
    return {
      outcomes: modelOutcomes(samples, {
        stepBytes: stepBytes(spec, 'q4', 'q4', context),
        hosts: settings.deployed.hosts.length,
      }),
    }

    async function decode(cluster: BenchCluster, sequences: number): Promise<number> {
      const times = await cluster.generate({ prompts: Array.from({ length: sequences }, () => prompts(BATCH_PROMPT)), maxTokens: newTokens })
      return batchDecodeRate(times, sequences)
    }

    async function prefill(cluster: BenchCluster, tokens: number): Promise<number> {
      const times = await cluster.generate({ prompts: [prompts(tokens)], maxTokens: 1 })
      return prefillRate(tokens, times.tokens[0]!.atMs)
    }
  })
}
