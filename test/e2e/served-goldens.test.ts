import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startInstance } from './instance.ts'
import { FIXTURES } from './pack-fixtures.ts'

/** transformers' own numbers; test/fixtures/models/README.md. */
interface Golden {
  readonly prompts: readonly {
    readonly ids: number[]
    readonly top: [number, number][][]
    readonly nll: number
    readonly greedy: { readonly ids: number[]; readonly logprobs: number[] }
  }[]
}

interface Choice {
  readonly token_ids: number[]
  readonly logprobs: { readonly token_logprobs: (number | null)[]; readonly top_logprobs: (Record<string, number> | null)[] }
}

const TOLERANCE = 2e-3

describe.each(FIXTURES)('$model, served at f32', ({ model, folder, pack }) => {
  it.each([1, 3, 5])('[NU1] gives the logprobs and greedy tokens of transformers on %i hosts', async (hosts) => {
    const golden = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')) as Golden
    const instance = await startInstance(['--model', pack, '--tier', 'f32', '--hosts', String(hosts)])
    try {
      const choices = await complete(
        instance.url,
        model,
        golden.prompts.map((prompt) => prompt.ids),
      )
      for (const [i, prompt] of golden.prompts.entries()) expectGolden(choices[i]!, prompt)
    } finally {
      await instance.stop()
    }
  })
})

async function complete(url: string, model: string, prompt: number[][]): Promise<Choice[]> {
  const body = { model, prompt, max_tokens: 32, temperature: 0, logprobs: 5, echo: true, ignore_eos: true, return_token_ids: true }
  const response = await fetch(`${url}/v1/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const text = await response.text()
  expect(response.status, text).toBe(200)
  return (JSON.parse(text) as { choices: Choice[] }).choices
}

function expectGolden(choice: Choice, { ids, top, nll, greedy }: Golden['prompts'][number]): void {
  const { token_logprobs: own, top_logprobs: ownTop } = choice.logprobs
  expect(choice.token_ids).toEqual(greedy.ids)
  expect(own).toHaveLength(ids.length + greedy.ids.length)
  expect(own[0]).toBeNull()
  for (const [i, logprob] of greedy.logprobs.entries()) expect(Math.abs(own[ids.length + i]! - logprob)).toBeLessThan(TOLERANCE)
  const ownNll = own.slice(1, ids.length).reduce<number>((sum, logprob) => sum - logprob!, 0)
  expect(Math.abs(ownNll - nll)).toBeLessThan(TOLERANCE * ids.length)
  // `top[p]` is what follows position p, so it stands beside token p + 1.
  for (const [position, best] of top.entries()) {
    const at = ownTop[position + 1]!
    for (const [id, logprob] of best) expect(Math.abs(at[`token_id:${id}`]! - logprob)).toBeLessThan(TOLERANCE)
  }
}
