import type { BenchCluster } from '../cluster/cluster.ts'
import { deployed, oneHost } from '../cluster/layouts.ts'
import { warmUp, withClusters } from '../cluster/with-clusters.ts'
import type { Starter } from '../cluster/with-clusters.ts'
import { createPrompts, prefillRate } from '../cluster/workload.ts'
import type { BenchOptions, BenchResult } from '../figures.ts'
import { Samples } from '../samples.ts'
import { syntheticPack } from '../synthetic/pack.ts'
import { FULL_SHAPE, QUICK_SHAPE } from '../synthetic/shape.ts'
import type { SyntheticShape } from '../synthetic/shape.ts'
import { findChromium, installPeers } from './install.ts'
import { OWN, PEERS, peersOutcomes, PREFILLED } from './outcomes.ts'
import type { EngineName, PeerName } from './outcomes.ts'
import type { PeerRun, PeerTimes } from './peer-api.ts'
import { startPeer } from './peer-process.ts'
import type { Peer } from './peer-process.ts'
import { syntheticGguf } from './synthetic-gguf.ts'

const PROMPT = 128
const NEW_TOKENS = 48
const PREFILL = 512

/** Anything that continues a prompt. */
interface Contestant {
  readonly name: EngineName
  generate(run: PeerRun): Promise<PeerTimes>
}

/** isomoe beside other engines on the same shape, with the same bits a weight in every tensor: greedy, one sequence, the same prompts. */
export function run({ quick }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 1 : 5
  const shape = quick ? QUICK_SHAPE : FULL_SHAPE
  return withClusters(async (start) => {
    const own = await startOwn(start, shape)
    const peers = await startPeers(start, shape, quick)
    const prompts = createPrompts(2)
    for (const name of PEERS) peers[name] = await tryOut(peers[name], { prompt: prompts(PROMPT), maxTokens: 8 })
    const contestants: Contestant[] = [...own, ...PEERS.flatMap((name) => (peers[name].peer ? [{ ...peers[name].peer, name }] : []))]
    const samples = new Samples()
    for (let round = 0; round < rounds; round++) {
      const prompt = prompts(PROMPT)
      for (const each of contestants) samples.add(`decode1.${each.name}`, await decode(each, prompt))
      const long = prompts(PREFILL)
      for (const each of contestants.filter(({ name }) => PREFILLED.includes(name))) samples.add(`prefill512.${each.name}`, await prefill(each, long))
    }
    const missing = Object.fromEntries(PEERS.map((name) => [name, peers[name].missing])) as Record<PeerName, string | null>
    const versions = PEERS.flatMap((name) => (peers[name].peer ? [[name, peers[name].peer.version] as const] : []))
    return { outcomes: peersOutcomes(samples, missing), peers: Object.fromEntries(versions) }
  })
}

/** By the tokens that were asked for: a peer may hand out two at once, where the bytes of one are half a character. */
async function decode(contestant: Contestant, prompt: readonly number[]): Promise<number> {
  const { atMs } = await contestant.generate({ prompt, maxTokens: NEW_TOKENS })
  return ((NEW_TOKENS - 1) / (atMs.at(-1)! - atMs[0]!)) * 1000
}

async function prefill(contestant: Contestant, prompt: readonly number[]): Promise<number> {
  const { atMs } = await contestant.generate({ prompt, maxTokens: 1 })
  return prefillRate(prompt.length, atMs[0]!)
}

async function startOwn(start: Starter, shape: SyntheticShape): Promise<Contestant[]> {
  const pack = await syntheticPack(shape)
  const { manifest } = pack
  const clusters: Record<(typeof OWN)[number], BenchCluster> = {
    isomoe_q4: await start.cluster('q4-one-host', pack, oneHost(manifest, 'q4', 'q4')),
    isomoe_q8: await start.cluster('q8-one-host', pack, oneHost(manifest, 'q8', 'q8')),
    isomoe_q4_deployed: await start.cluster('q4-deployed', pack, deployed(manifest, 'q4', 'q4')),
  }
  for (const cluster of Object.values(clusters)) await warmUp(cluster, manifest.spec.vocab)
  return OWN.map((name) => ({
    name,
    async generate({ prompt, maxTokens }) {
      const { tokens } = await clusters[name].generate({ prompts: [prompt], maxTokens })
      return { atMs: tokens.map((token) => token.atMs) }
    },
  }))
}

type Started = { readonly peer: Peer; readonly missing: null } | { readonly peer: null; readonly missing: string }

/** Starts what can be started here; what cannot says why, in its figures. */
async function startPeers(start: Starter, shape: SyntheticShape, quick: boolean): Promise<Record<PeerName, Started>> {
  const absent = await installPeers(quick)
  const chromium = findChromium()
  const started = (script: string, ...args: string[]) => attempt(start.keep(startPeer(script, args)))
  const none = (missing: string): Started => ({ peer: null, missing })
  if (absent !== null) return { llamacpp_q4: none(absent), llamacpp_q8: none(absent), wllama_q4: none(absent) }
  const [q4, q8] = [await syntheticGguf(shape, 'q4_0'), await syntheticGguf(shape, 'q8_0')]
  return {
    llamacpp_q4: await started('llamacpp-process.ts', q4),
    llamacpp_q8: await started('llamacpp-process.ts', q8),
    wllama_q4: chromium === null ? none('no Chromium here: set CHROMIUM_PATH') : await started('wllama-process.ts', q4, chromium),
  }
}

/** The first answer also warms it up. One that fails here is absent; one that fails later ends the bench. */
async function tryOut(started: Started, run: PeerRun): Promise<Started> {
  if (!started.peer) return started
  const { peer } = started
  return attempt(peer.generate(run).then(() => peer))
}

async function attempt(starting: Promise<Peer>): Promise<Started> {
  try {
    return { peer: await starting, missing: null }
  } catch (error) {
    return { peer: null, missing: error instanceof Error ? error.message : String(error) }
  }
}
