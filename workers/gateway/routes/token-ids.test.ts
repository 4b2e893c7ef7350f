import { describe, expect, it } from 'vitest'
import { demoModel } from '../../../test/contract/demo-model.ts'
import { scripted } from '../../../test/contract/fake-engine.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'

const MODEL = { model: 'isomoe-demo' }
const COMPLETION = { ...MODEL, prompt: 'Once upon a time' }
const CHAT = { ...MODEL, messages: [{ role: 'user', content: 'hi' }] }

describe('a model without a tokenizer', () => {
  const model = { ...demoModel(), codec: null, template: null }

  it('[PK8] serves token ids', async () => {
    const { post } = testGateway({ model, nextToken: scripted([7, 8], 2) })
    const answer = await (await post('/v1/completions', { ...MODEL, prompt: [5, 6], logprobs: 1, echo: true, return_token_ids: true })).json()
    expect(answer).toMatchObject({
      choices: [{ text: '', token_ids: [7, 8], logprobs: { tokens: ['token_id:5', 'token_id:6', 'token_id:7', 'token_id:8'] }, finish_reason: 'stop' }],
    })
  })

  it('[PK8] streams each token id as it comes', async () => {
    const { post } = testGateway({ model, nextToken: scripted([7, 8], 2) })
    const text = await (await post('/v1/completions', { ...MODEL, prompt: [5], stream: true, return_token_ids: true })).text()
    expect([...text.matchAll(/"token_ids":(\[[^\]]*\])/g)].map(([, ids]) => ids)).toEqual(['[7]', '[8]', '[]'])
  })

  it('[PK8] refuses what needs text', async () => {
    const { post } = testGateway({ model })
    const refusals = [
      post('/v1/completions', COMPLETION),
      post('/v1/completions', { ...MODEL, prompt: [5], stop: 'x' }),
      post('/v1/chat/completions', CHAT),
      post('/tokenize', { prompt: 'a' }),
      post('/detokenize', { tokens: [5] }),
    ]
    for (const refusal of refusals) expect(await outcome(refusal)).toMatchObject({ status: 400, code: 'no_tokenizer' })
    expect(await outcome(post('/apply-template', { messages: CHAT.messages }))).toMatchObject({ status: 400, code: 'invalid_value' })
  })
})
