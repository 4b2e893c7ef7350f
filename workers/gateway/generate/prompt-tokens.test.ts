import { expect, it } from 'vitest'
import { demoCodec, demoModel } from '../../../test/contract/demo-model.ts'
import { encodePrompts } from './prompt-tokens.ts'

it('[AP9] lets other requests run between the prompts of one', async () => {
  const order: string[] = []
  const encode = (text: string, addSpecialTokens: boolean) => {
    order.push(text)
    return demoCodec().encode(text, addSpecialTokens)
  }
  const model = { ...demoModel(), codec: { ...demoCodec(), encode } }
  const prompts = await encodePrompts({ nextTurn: async () => void order.push('others') }, model, { kind: 'texts', texts: ['a', 'b', 'c'] }, 1)
  expect(prompts).toMatchObject({ ok: true, value: [{ text: 'a' }, { text: 'b' }, { text: 'c' }] })
  expect(order).toEqual(['a', 'others', 'b', 'others', 'c'])
})
