import type { RunSettings } from '../../cli/dev/configs.ts'
import type { BenchCluster, BenchPack, BenchScripts } from './cluster.ts'
import { startBenchCluster } from './cluster.ts'
import { thenStopAll } from './stop-all.ts'

/** Starts what a bench measures; all of it is stopped when the bench ends, however it ends. One at a time: what starts while another fails would run on. */
export interface Starter {
  cluster(name: string, pack: BenchPack, settings: Omit<RunSettings, 'modelPrefix'>, scripts?: BenchScripts): Promise<BenchCluster>
  keep<T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T>
}

export async function withClusters<T>(bench: (start: Starter) => Promise<T>): Promise<T> {
  const stops: (() => unknown)[] = []
  async function keep<S extends { stop(): Promise<unknown> }>(starting: Promise<S>): Promise<S> {
    const started = await starting
    stops.push(() => started.stop())
    return started
  }
  return thenStopAll(stops, () =>
    bench({
      keep,
      cluster: (name, pack, settings, scripts) => keep(startBenchCluster({ name, pack, settings, ...(scripts ? { scripts } : {}) })),
    }),
  )
}

const WARM_PROMPT = 512
const WARM_PROMPTS = 2

/** Lets every host load its experts (a host does at first use) and V8 compile what runs often. Prompts of all ids reach all experts. */
export async function warmUp(cluster: BenchCluster, vocab: number): Promise<void> {
  for (let p = 0; p < WARM_PROMPTS; p++) {
    const prompt = Array.from({ length: WARM_PROMPT }, (_, i) => ((p * WARM_PROMPT + i) * 7919) % vocab)
    await cluster.generate({ prompts: [prompt], maxTokens: 8 })
  }
}
