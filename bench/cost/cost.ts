import { join } from 'node:path'
import { planModel } from '../../cli/plan/model-plan.ts'
import type { ModelPlan } from '../../cli/plan/model-plan.ts'
import { sourceFromPack } from '../../cli/plan/plan-source.ts'
import type { PlanSource } from '../../cli/plan/plan-source.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { PRICES } from '../../shared/cost/prices.ts'
import type { RequestShape } from '../../shared/cost/serving-plan.ts'
import { startInstance } from '../../test/e2e/instance.ts'
import type { Instance } from '../../test/e2e/instance.ts'
import { cpuMsOf } from '../cluster/process-time.ts'
import { RATIO } from '../figures.ts'
import type { BenchOptions, BenchResult, Outcome } from '../figures.ts'
import { Samples } from '../samples.ts'
import { streamCompletion } from '../serve/completion-stream.ts'

const BATCHES = [1, 4, 16, 32] as const
const HOSTS = 4
const PROMPT = 'Once upon a time'
const PROMPT_TOKENS = 4
/** Of the demo's 1,024. */
const LONG_PROMPT_TOKENS = 768

/** What `isomoe plan` predicts for the demo model on this machine beside what is measured, and the rates that no other bench gives: script and gateway, for a token. */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const source = await sourceFromPack(join(REPOSITORY, 'models/demo'))
  const sizes = quick ? { rounds: 1, tokens: 16 } : { rounds: 7, tokens: 128 }
  return { outcomes: [...(await measurePrediction(source, sizes)), ...(await measureProcesses(source, sizes))] }
}

interface Sizes {
  readonly rounds: number
  readonly tokens: number
}

async function measurePrediction(source: PlanSource, { rounds, tokens }: Sizes): Promise<Outcome[]> {
  const { rows } = planLocal(source, { promptTokens: PROMPT_TOKENS, outputTokens: tokens })
  const { prefillTokensPerS } = planLocal(source, { promptTokens: LONG_PROMPT_TOKENS, outputTokens: 1 }).rows[0]!
  const measured = new Samples()
  await withInstance(['--hosts', String(HOSTS)], async ({ url }) => {
    await streams(url, source, 32, tokens) // every expert is met once before anything is timed
    for (let round = 0; round < rounds; round++) {
      for (const batch of BATCHES) {
        const begin = performance.now()
        const made = await streams(url, source, batch, tokens)
        measured.add(String(batch), (made * 1000) / (performance.now() - begin))
      }
      measured.add('prefill', (LONG_PROMPT_TOKENS * 1000) / (await timeToFirstToken(url, source, round)))
    }
  })
  const predictions: [name: string, perS: number][] = [
    ...rows.map(({ batch, outputTokensPerS }) => [String(batch), outputTokensPerS] as [string, number]),
    ['prefill', prefillTokensPerS],
  ]
  return predictions.flatMap(([name, predicted]): Outcome[] => {
    const samples = measured.of(name)
    return [
      { id: `cost.tokens_per_s.${name}`, unit: 'tokens/s', samples, note: `predicted ${predicted.toFixed(0)}` },
      { id: `cost.predicted_over_measured.${name}`, unit: RATIO, samples: samples.map((value) => predicted / value) },
    ]
  })
}

function planLocal(source: PlanSource, request: RequestShape): ModelPlan {
  return planModel(source, {
    tier: 'q8',
    trunk: 'q8',
    lanes: 1,
    context: null,
    hosts: HOSTS,
    standby: 0,
    batches: BATCHES,
    request,
    requestsPerS: null,
    lingerS: 0,
    rttMs: null,
    rate: null,
    prices: PRICES,
    probe: null,
    local: true,
    hypothetical: false,
  })
}

/** CPU time of the gateway's and of the engine's process, each by itself. Calls between processes cost more than in one (bench processes). */
async function measureProcesses(source: PlanSource, { rounds, tokens }: Sizes): Promise<Outcome[]> {
  const cpu = new Samples()
  let known = true
  await withInstance(['--hosts', '1', '--processes', '3'], async (instance) => {
    await streams(instance.url, source, 16, tokens)
    const pids = (await instance.processes()).map(({ pid }) => pid)
    for (let round = 0; round < rounds; round++) {
      const before = pids.map((pid) => cpuMsOf([pid]))
      const made = await streams(instance.url, source, 16, tokens)
      const after = pids.map((pid) => cpuMsOf([pid]))
      known &&= [...before, ...after].every((ms) => ms !== null)
      for (const [index, name] of ['gateway', 'engine', 'host'].entries()) cpu.add(name, (after[index]! - before[index]!) / made)
    }
  })
  return ['gateway', 'engine', 'host'].map((name): Outcome => {
    const id = `cost.${name}_cpu_ms_per_token`
    return known ? { id, unit: 'ms', samples: cpu.of(name), note: 'a process of its own, 16 streams' } : { id, missing: 'this system does not say CPU times' }
  })
}

/** Of a prompt that no other round had. */
async function timeToFirstToken(url: string, source: PlanSource, round: number): Promise<number> {
  const prompt = Array.from({ length: LONG_PROMPT_TOKENS }, (_, at) => 100 + ((at * 7919 + round * 104_729) % 4000))
  const begin = performance.now()
  const { firstTokenMs } = await streamCompletion(url, { model: source.name, prompt, max_tokens: 1, ignore_eos: true })
  return firstTokenMs - begin
}

async function streams(url: string, source: PlanSource, count: number, tokens: number): Promise<number> {
  const body = { model: source.name, prompt: PROMPT, max_tokens: tokens, temperature: 0.8, ignore_eos: true }
  const answers = await Promise.all(Array.from({ length: count }, (_, seed) => streamCompletion(url, { ...body, seed })))
  return answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0)
}

async function withInstance(args: readonly string[], work: (instance: Instance) => Promise<void>): Promise<void> {
  const instance = await startInstance(args)
  try {
    await work(instance)
  } finally {
    await instance.stop()
  }
}
