import { expect, it } from 'vitest'
import { activeRequest } from '../../test/fixtures/active-request.ts'
import { append, createSequences } from './sequence.ts'

it("[SC5] the choices of a prompt share the request's array until each has a token of its own", () => {
  const owner = activeRequest([[1, 2, 3], [4]], 2)
  const { prompts } = owner.request
  let nextId = 0
  const sequences = createSequences(
    owner,
    64,
    () => nextId++,
    () => ({ pages: [], nodes: [], dirtyFrom: 0 }),
  )
  expect(sequences.map(({ tokens }) => prompts.findIndex((prompt) => prompt === tokens))).toEqual([0, 0, 1, 1])
  append(sequences[0]!, 7)
  append(sequences[0]!, 8)
  append(sequences[1]!, 9)
  expect(sequences.map(({ tokens }) => tokens)).toEqual([[1, 2, 3, 7, 8], [1, 2, 3, 9], [4], [4]])
  expect(prompts).toEqual([[1, 2, 3], [4]])
})
