import { expect, it } from 'vitest'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { chatLogprobs } from './chat-logprobs.ts'

it('[NU8] refuses to make up a log-probability that the engine did not give', () => {
  expect(() => chatLogprobs(demoCodec(), [{ token: { id: 833, logprob: null, top: [] }, offset: 0 }])).toThrow('the generated token 833 has no log-probability')
})
