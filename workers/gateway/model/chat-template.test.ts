import { describe, expect, it } from 'vitest'
import { readDemoFile } from '../../../test/contract/demo-model.ts'
import type { ChatMessage } from '../chat/messages.ts'
import { ChatTemplate } from './chat-template.ts'

const MESSAGES: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi {{ bos_token }}' },
]

describe('ChatTemplate', () => {
  it('[AP4] renders the messages as text, with and without the beginning of an answer', () => {
    const template = new ChatTemplate(readDemoFile('chat_template.jinja'), {})
    const chat = '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi {{ bos_token }}<|im_end|>\n'
    expect(template.render(MESSAGES, { tools: [], addGenerationPrompt: false })).toEqual({ ok: true, value: chat })
    expect(template.render(MESSAGES, { tools: [], addGenerationPrompt: true })).toEqual({ ok: true, value: `${chat}<|im_start|>assistant\n` })
  })

  it('[AP4] knows the special tokens, and tools as none', () => {
    const template = new ChatTemplate('{{ bos_token }}{% if tools is none %}plain{% endif %}{% if eos_token is defined %}eos{% endif %}', { bos_token: '<s>' })
    expect(template.render(MESSAGES, { tools: [], addGenerationPrompt: true })).toEqual({ ok: true, value: '<s>plain' })
  })

  it('[AP1] refuses with the words of the template', () => {
    const template = new ChatTemplate("{{ raise_exception('roles must alternate') }}", {})
    expect(template.render(MESSAGES, { tools: [], addGenerationPrompt: true })).toMatchObject({
      ok: false,
      error: { code: 'invalid-request', message: expect.stringContaining('roles must alternate'), details: { param: 'messages' } },
    })
  })
})
