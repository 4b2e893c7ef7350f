import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AWKWARD_FIXTURES, FIXTURES } from '../e2e/pack-fixtures.ts'
import { createCluster, greedyRequest, must } from './cluster.ts'

interface Golden {
  readonly prompts: readonly { readonly ids: number[]; readonly nll: number; readonly greedy: { readonly ids: number[]; readonly logprobs: number[] } }[]
}

describe.each([...FIXTURES, ...AWKWARD_FIXTURES])('$model at f32 on 3 hosts', ({ folder, pack }) => {
  it('[NU1] continues as transformers does and scores prompts as it does', async () => {
    const golden = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')) as Golden
    const cluster = await createCluster({ pack, tier: 'f32', hosts: 3, chunk: 16 })
    const events = must(
      await cluster.run(
        greedyRequest(
          golden.prompts.map((p) => p.ids),
          { maxTokens: 32, logprobs: 0, echo: true },
        ),
      ),
    )
    for (const [index, prompt] of golden.prompts.entries()) {
      const tokens = events.flatMap((event) => (event.type === 'token' && event.index === index ? [event] : []))
      expect(tokens.map((token) => token.id)).toEqual(prompt.greedy.ids)
      for (const [i, token] of tokens.entries()) expect(Math.abs(token.logprob!.logprob! - prompt.greedy.logprobs[i]!)).toBeLessThan(2e-3)
      const scored = events.flatMap((event) => (event.type === 'prompt' && event.index === index ? event.tokens : []))
      const nll = scored.slice(1).reduce((sum, token) => sum - token.logprob!, 0)
      expect(Math.abs(nll - prompt.nll)).toBeLessThan(2e-3 * Math.max(1, scored.length))
    }
  })
})
