import { expect, it } from 'vitest'
import { greedyRequest } from '../../test/cluster/cluster.ts'
import { planResumption } from './resumption.ts'

const CONTEXT = 64
const request = greedyRequest([[4, 5, 6]], { n: 2, maxTokens: 5 })
const scored = { ...request, echo: true, logprobs: 1 }

function plan(of: typeof request, ids: readonly (readonly number[])[], have: readonly (number | null)[], context = CONTEXT) {
  const planned = planResumption(of, ids, have, context)
  if (!planned.ok) throw new Error(planned.error.message)
  return planned.value
}

it('[JR4] tokens that journal and reader have are known; of what is made again the reader is not told what it has', () => {
  const ids = [
    [10, 11, 12],
    [20, 21, 22],
  ]
  expect(plan(request, ids, [3, 4])).toEqual({
    known: [
      [10, 11],
      [20, 21, 22],
    ],
    skip: [0, 0],
  })
  expect(plan(request, [[10], []], [4, 4])).toEqual({ known: [[10], []], skip: [2, 4] })
  expect(plan(request, ids, [0, 1])).toEqual({ known: [[], []], skip: [0, 1] })
})

it('[JR4] a choice that is over is not computed', () => {
  expect(plan(request, [[10], [20]], [null, 2])).toEqual({ known: [null, [20]], skip: [0, 0] })
})

it('[JR4] the log-probabilities of the prompt are an event, too', () => {
  expect(plan(scored, [[10, 11], [20]], [2, 3])).toEqual({ known: [[], [20]], skip: [2, 0] })
  expect(plan(scored, [[10, 11], [20]], [4, 1])).toEqual({ known: [[10, 11], []], skip: [0, 1] })
})

it('[JR3] the last token that a choice may have is made again, because its step makes the finish', () => {
  const all = [10, 11, 12, 13, 14]
  expect(plan(request, [all, all], [6, 6])).toEqual({ known: [all.slice(0, 4), all.slice(0, 4)], skip: [1, 1] })
  expect(plan({ ...request, maxTokens: null }, [all, all], [6, 6], 8).known).toEqual([all.slice(0, 4), all.slice(0, 4)]) // the context ends there
  expect(plan({ ...scored, maxTokens: 0 }, [[], []], [2, 1])).toEqual({ known: [[], []], skip: [2, 1] })
})

it.each([[[]], [[0]], [[0, 1, 2]], [[0, -1]], [[0, 0.5]], [[0, NaN]], [[0, '1']], ['no']])('[JR3] refuses %j as what a reader of two choices has', (have) => {
  expect(planResumption(request, [[], []], have as number[], CONTEXT)).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
})
