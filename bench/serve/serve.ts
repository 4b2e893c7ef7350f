import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readPackFolder } from '../../cli/pack-folder.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { CHUNK_DEFAULT } from '../../shared/core/scratch.ts'
import type { EngineState } from '../../shared/protocol/engine-api.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { startInstance } from '../../test/e2e/instance.ts'
import { RATIO } from '../figures.ts'
import type { BenchOptions, BenchResult, Outcome } from '../figures.ts'
import { measureColdLoad } from './cold-load.ts'
import { streamCompletion } from './completion-stream.ts'
import { kvBytesOverFormula } from './kv-bytes.ts'

const STREAMS = [1, 4, 16] as const
const SHORT_PROMPT = 'Once upon a time'
/** Of the demo's 1,024. */
const LONG_PROMPT_TOKENS = 768
const KV_PROMPT_TOKENS = 1000
const KV_ATTEMPTS = 5
/** To the end of the demo's context: time to look. */
const KV_NEW_TOKENS = 24
/** `isomoe dev` as it is without options. */
const DEV = { tier: 'q8', chunk: CHUNK_DEFAULT } as const

/** The demo model over HTTP from a real `isomoe dev`, and how fast a full host loads. */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const manifest = await readPackFolder(join(REPOSITORY, 'models/demo'))
  return {
    outcomes: [
      ...(await measureStarts(manifest, quick ? 1 : 3)),
      ...(await measureServing(manifest, quick ? { rounds: 1, tokens: 32 } : { rounds: 7, tokens: 128 })),
      ...(await measureColdLoad(quick ? 1 : 7)),
    ],
  }
}

/** From the start of the process to the first token of the first request: with a new state folder, then with what it left there. */
async function measureStarts(manifest: Manifest, rounds: number): Promise<Outcome[]> {
  const unseeded: number[] = []
  const seeded: number[] = []
  for (let round = 0; round < rounds; round++) {
    const state = await mkdtemp(join(tmpdir(), 'isomoe-bench-'))
    try {
      for (const samples of [unseeded, seeded]) samples.push(await startToFirstToken(manifest, state))
    } finally {
      await rm(state, { recursive: true, force: true })
    }
  }
  return [
    { id: 'serve.start_to_first_token_ms', unit: 'ms', samples: seeded, note: '`isomoe dev`, local R2 already has the pack' },
    { id: 'serve.start_to_first_token_unseeded_ms', unit: 'ms', samples: unseeded, note: '`isomoe dev`, a new state folder' },
  ]
}

async function startToFirstToken(manifest: Manifest, state: string): Promise<number> {
  const begin = performance.now()
  const instance = await startInstance([], state)
  try {
    const { firstTokenMs } = await streamCompletion(instance.url, shortRequest(manifest, 1))
    return firstTokenMs - begin
  } finally {
    await instance.stop()
  }
}

async function measureServing(manifest: Manifest, { rounds, tokens }: { readonly rounds: number; readonly tokens: number }): Promise<Outcome[]> {
  const ttft: number[] = []
  const uncached: number[] = []
  const cached: number[] = []
  const reused = new Set<number | null>()
  const rates = new Map(STREAMS.map((streams) => [streams, [] as number[]]))
  const kv: number[] = []
  const instance = await startInstance([])
  try {
    const { url } = instance
    await streamCompletion(url, longRequest(manifest, KV_PROMPT_TOKENS, rounds)) // every expert is met once before anything is timed
    for (let round = 0; round < rounds; round++) {
      ttft.push(await timeToFirstToken(url, shortRequest(manifest, 1)))
      const long = longRequest(manifest, LONG_PROMPT_TOKENS, round)
      uncached.push(await timeToFirstToken(url, long))
      cached.push(await timeToFirstToken(url, long, (tokensSaid) => reused.add(tokensSaid)))
      for (const [streams, samples] of rates) samples.push(await tokensPerSecond(url, shortRequest(manifest, tokens), streams))
      kv.push(await measureKvBytes(url, manifest, rounds + 1 + round * KV_ATTEMPTS))
    }
  } finally {
    await instance.stop()
  }
  return [
    { id: 'serve.ttft_ms', unit: 'ms', samples: ttft, note: 'warm, a prompt of 4 tokens' },
    { id: 'serve.ttft_uncached_ms', unit: 'ms', samples: uncached, note: `a new prompt of ${LONG_PROMPT_TOKENS} tokens` },
    {
      id: 'serve.ttft_cached_ms',
      unit: 'ms',
      samples: cached,
      note: `the same prompt again; the server says ${Array.from(reused).join(' or ')} of its tokens were cached`,
    },
    ...Array.from(rates, ([streams, samples]) => ({
      id: `serve.tokens_per_s.${streams}`,
      unit: 'tokens/s',
      samples,
      note: `all streams together, ${tokens} tokens each`,
    })),
    { id: 'serve.kv_bytes_over_formula', unit: RATIO, samples: kv, note: `a sequence of ${KV_PROMPT_TOKENS} tokens, by the engine's own account` },
  ]
}

async function timeToFirstToken(url: string, request: object, onCached: (tokens: number | null) => void = () => undefined): Promise<number> {
  const begin = performance.now()
  const { firstTokenMs, cachedTokens } = await streamCompletion(url, request)
  onCached(cachedTokens)
  return firstTokenMs - begin
}

async function tokensPerSecond(url: string, request: object, streams: number): Promise<number> {
  const begin = performance.now()
  const answers = await Promise.all(Array.from({ length: streams }, (_, seed) => streamCompletion(url, { ...request, seed })))
  const tokens = answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0)
  return tokens / ((Math.max(...answers.map(({ endMs }) => endMs)) - begin) / 1000)
}

/**
 * Looks at the engine before a sequence, and again and again while it runs; the look with the most pages counts. It must have seen the whole
 * prompt: if none did, another prompt is tried.
 */
async function measureKvBytes(url: string, manifest: Manifest, seed: number): Promise<number> {
  const state = async () => (await (await fetch(`${url}/admin/state`)).json()) as EngineState
  for (let attempt = 0; attempt < KV_ATTEMPTS; attempt++) {
    const idle = await state()
    let most = idle
    let running = true
    const request = { ...longRequest(manifest, KV_PROMPT_TOKENS, seed + attempt), max_tokens: KV_NEW_TOKENS }
    const stream = streamCompletion(url, request).finally(() => (running = false))
    while (running) {
      const look = await state()
      if (look.kvPagesUsed > most.kvPagesUsed) most = look
    }
    await stream
    const whole = most.kvPagesUsed - idle.kvPagesUsed >= Math.ceil(KV_PROMPT_TOKENS / KV_PAGE_POSITIONS)
    if (whole) return kvBytesOverFormula(manifest.spec, DEV.tier, DEV.chunk, idle, most, KV_PROMPT_TOKENS)
  }
  throw new Error(`in ${KV_ATTEMPTS} attempts no look at the engine saw the whole prompt`)
}

function shortRequest(manifest: Manifest, maxTokens: number) {
  return { model: manifest.name, prompt: SHORT_PROMPT, max_tokens: maxTokens, temperature: 0.8, seed: 1, ignore_eos: true }
}

/** Ids that no other seed's prompt begins with. */
function longRequest(manifest: Manifest, tokens: number, seed: number) {
  const prompt = Array.from({ length: tokens }, (_, i) => 100 + ((seed * 7919 + i * 104_729) % (manifest.spec.vocab - 100)))
  return { model: manifest.name, prompt, max_tokens: 1, temperature: 0, ignore_eos: true }
}
