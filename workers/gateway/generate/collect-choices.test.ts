import { expect, it } from 'vitest'
import { collectChoices } from './collect-choices.ts'
import { NO_TIMINGS } from './generation.ts'
import type { ChoiceOutput } from './generation.ts'

it('[AP1] collects a piece of any length: tokens without text wait for each other', async () => {
  const ids = Array<number>(200_000).fill(5)
  const scored = ids.map((id) => ({ token: { id, logprob: -1, top: [] }, offset: 0 }))
  async function* outputs(): AsyncGenerator<ChoiceOutput> {
    yield { type: 'piece', index: 0, text: 'a', ids, scored }
    yield { type: 'finish', index: 0, reason: 'length', stop: null, completionTokens: ids.length, cachedTokens: 0, timings: NO_TIMINGS }
  }
  const collected = await collectChoices(outputs(), 1)
  if (!collected.ok) throw new Error(collected.error.message)
  expect(collected.value[0]?.ids).toHaveLength(ids.length)
  expect(collected.value[0]?.scored).toHaveLength(ids.length)
})
