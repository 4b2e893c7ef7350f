import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createCluster, greedyRequest, must } from './cluster.ts'
import type { ClusterOptions } from './cluster.ts'

/** What transformers says of the demo model, in float32: test/fixtures/demo/README.md. */
export interface DemoGolden {
  /** Token ids of a text, and −Σ ln p of tokens 1..n−1. */
  readonly eval: readonly { readonly ids: number[]; readonly nll: number }[]
  readonly greedy: readonly { readonly ids: number[]; readonly greedy: number[] }[]
}

export async function readDemoGolden(): Promise<DemoGolden> {
  return JSON.parse(await readFile(resolve(import.meta.dirname, '../fixtures/demo/eval.golden.json'), 'utf8')) as DemoGolden
}

export interface Score {
  readonly perplexity: number
  /** Largest relative difference of a text's nll from transformers'. */
  readonly worstText: number
  /** Greedy continuations that equal transformers' token for token. */
  readonly greedyEqual: number
}

/** Teacher-forces every text through engine and hosts, and continues the golden's prompts. */
export async function scoreTexts(options: ClusterOptions, golden: DemoGolden): Promise<Score> {
  const cluster = await createCluster(options)
  const nlls: number[] = []
  for (const { ids } of golden.eval) {
    const events = must(await cluster.run(greedyRequest([ids], { maxTokens: 0, logprobs: 0, echo: true })))
    const scored = events.flatMap((event) => (event.type === 'prompt' ? event.tokens : []))
    nlls.push(scored.slice(1).reduce((sum, token) => sum - token.logprob!, 0))
  }
  let greedyEqual = 0
  for (const { ids, greedy } of golden.greedy) {
    const events = must(await cluster.run(greedyRequest([ids], { maxTokens: greedy.length })))
    const own = events.flatMap((event) => (event.type === 'token' ? [event.id] : []))
    if (own.join() === greedy.join()) greedyEqual++
  }
  const worstText = Math.max(...nlls.map((nll, i) => Math.abs(nll / golden.eval[i]!.nll - 1)))
  return { perplexity: perplexityOf(nlls, golden), worstText, greedyEqual }
}

/** e^(nll per predicted token), over all texts. */
export function perplexityOf(nlls: readonly number[], golden: DemoGolden): number {
  const tokens = golden.eval.reduce((sum, text) => sum + text.ids.length - 1, 0)
  return Math.exp(nlls.reduce((sum, nll) => sum + nll, 0) / tokens)
}
