import { describe, expect, it } from 'vitest'
import { readDemoFile } from '../../../test/contract/demo-model.ts'
import { knownGaps, templateGolden, templateSource } from '../../../test/fixtures/templates/load.ts'
import type { ChatMessage, ToolCall } from '../chat/messages.ts'
import { ChatTemplate } from './chat-template.ts'
import { ExactNumber } from './jinja/exact-json.ts'
import type { TemplateVariables } from './template-variables.ts'

const MESSAGES: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi {{ bos_token }}' },
]
const PLAIN = { tools: [], addGenerationPrompt: true }

describe('ChatTemplate', () => {
  it('[AP4] renders the messages as text, with and without the beginning of an answer', () => {
    const template = new ChatTemplate(readDemoFile('chat_template.jinja'), {})
    const chat = '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi {{ bos_token }}<|im_end|>\n'
    expect(template.render(MESSAGES, { tools: [], addGenerationPrompt: false })).toEqual({ ok: true, value: chat })
    expect(template.render(MESSAGES, PLAIN)).toEqual({ ok: true, value: `${chat}<|im_start|>assistant\n` })
  })

  it('[AP4] knows the special tokens, and tools as none', () => {
    const template = new ChatTemplate('{{ bos_token }}{% if tools is none %}plain{% endif %}{% if eos_token is defined %}eos{% endif %}', { bos_token: '<s>' })
    expect(template.render(MESSAGES, PLAIN)).toEqual({ ok: true, value: '<s>plain' })
  })

  it('[AP1] refuses with the words of the template', () => {
    const template = new ChatTemplate("{{ raise_exception('roles must alternate') }}", {})
    expect(template.render(MESSAGES, PLAIN)).toMatchObject({
      ok: false,
      error: { code: 'invalid-request', message: 'The chat template refused the messages: roles must alternate', details: { param: 'messages' } },
    })
  })

  it('[TX3] names the bound that a template meets', () => {
    const template = new ChatTemplate('{% for i in range(10**9) %}{% endfor %}', {})
    expect(template.render(MESSAGES, PLAIN)).toMatchObject({
      ok: false,
      error: { code: 'invalid-request', message: expect.stringContaining('takes too much') },
    })
  })

  it('[TX4] gives variables of the request, the clock that it is given, and lets neither stand in for its own', () => {
    const template = new ChatTemplate('{{ messages|length }}{{ tools is none }}{{ enable_thinking }}{{ strftime_now("%Y-%m-%d") }}', {}, () =>
      Date.UTC(2026, 10, 22),
    )
    const variables = { enable_thinking: false, messages: 'x', tools: 'x' }
    expect(template.render(MESSAGES, { ...PLAIN, variables })).toEqual({ ok: true, value: '2TrueFalse2026-11-22' })
  })
})

const golden = templateGolden()
const gaps = knownGaps()
/** Parts are joined (d), arguments are no text to the template and content not None (e3), developer is system (i4), and i6 has a role that no client may send. */
const OTHER_BY_DESIGN = ['d1', 'd2', 'e3', 'i4', 'i6']

interface GoldenMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content?: string | null
  readonly name?: string
  readonly reasoning_content?: string
  readonly tool_call_id?: string
  readonly tool_calls?: readonly { readonly id?: string; readonly function: { readonly name: string; readonly arguments: unknown } }[]
}
interface GoldenTool {
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: Record<string, unknown> }
}

/** JSON as a model writes it in Python: 6.0 stays 6.0. */
function writtenJson(value: unknown): string {
  if (value instanceof ExactNumber) return !value.isFloat ? String(value.value) : Object.is(value.value, -0) ? '-0.0' : Number(value.value).toExponential()
  if (Array.isArray(value)) return `[${value.map(writtenJson).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, field]) => `${JSON.stringify(key)}: ${writtenJson(field)}`)
    .join(', ')}}`
}

/** A golden conversation as a client would have sent it. */
function asChat(message: GoldenMessage): ChatMessage {
  const { role, content, name, reasoning_content: reasoning, tool_call_id: toolCallId = '', tool_calls: calls } = message
  const named = name === undefined ? {} : { name }
  if (role === 'tool') return { role, content: content ?? '', toolCallId, ...named }
  if (role !== 'assistant') return { role, content: content ?? '', ...named }
  const toolCalls = calls?.map((call): ToolCall => ({
    id: call.id ?? '',
    name: call.function.name,
    arguments: typeof call.function.arguments === 'string' ? call.function.arguments : writtenJson(call.function.arguments),
  }))
  return { role, content: content ?? null, ...named, ...(reasoning !== undefined && { reasoning }), ...(toolCalls && { toolCalls }) }
}

const templates = new Map<string, ChatTemplate>()

function templateOf(name: string): ChatTemplate {
  const { bos_token: bos, eos_token: eos } = golden.templates[name]!.variables
  const tokens = { ...(bos !== undefined && { bos_token: bos }), ...(eos !== undefined && { eos_token: eos }) }
  const template = templates.get(name) ?? new ChatTemplate(templateSource(name), tokens, () => Date.parse(`${golden.about.now}Z`))
  templates.set(name, template)
  return template
}

function renderCase(name: string, id: string) {
  const { bos_token: _bos, eos_token: _eos, ...own } = golden.templates[name]!.variables
  const { messages, tools, add_generation_prompt: addGenerationPrompt, documents: _, ...others } = golden.cases[id]!.variables
  return templateOf(name).render((messages as GoldenMessage[]).map(asChat), {
    tools: ((tools ?? []) as GoldenTool[]).map(({ function: tool }) => ({ description: null, parameters: null, ...tool })),
    addGenerationPrompt: addGenerationPrompt === true,
    variables: { ...(others as TemplateVariables), ...own },
  })
}

describe('chats of 61 models', () => {
  it.each(Object.keys(golden.templates))('[TX5] %s: messages of clients give the prompts of transformers', (name) => {
    const records = golden.records.filter(
      (record) => record.template === name && record.output !== undefined && !OTHER_BY_DESIGN.includes(record.case) && !gaps.has(`${name} ${record.case}`),
    )
    for (const { case: id, output } of records) expect({ id, rendered: renderCase(name, id) }).toEqual({ id, rendered: { ok: true, value: output } })
  })

  it('[TX5] calls of tools are written right where Python, given text for arguments and null for content, is not', () => {
    const rendered = (name: string) => {
      const result = renderCase(name, 'e3')
      return result.ok ? result.value : result.error.message
    }
    expect(rendered('ik_llama.cpp/deepseek-ai-DeepSeek-V3.1.jinja')).toContain('paint_bakery<｜tool▁sep｜>{"city": "Kraków", "days": 1}<｜tool▁call▁end｜>')
    expect(rendered('ik_llama.cpp/GLM-4.6.jinja')).toContain('<tool_call>paint_bakery\n<arg_key>city</arg_key>\n<arg_value>Kraków</arg_value>')
    expect(rendered('ik_llama.cpp/GLM-4.6.jinja')).not.toContain('None')
    expect(rendered('ik_llama.cpp/openai-gpt-oss-120b.jinja')).toContain('commentary json<|message|>{"city": "Kraków", "days": 1}<|call|>')
    expect(rendered('qwen3')).toContain('{"name": "paint_bakery", "arguments": {"city": "Kraków", "days": 1}}')
    expect(rendered('other/mistral-common_v3_spm.jinja')).toContain('[{"name": "paint_bakery", "arguments": {"city": "Kraków", "days": 1}')
  })

  it('[TX5] a template gets content null, or arguments as text, where it asks for them', () => {
    const form = (source: string) => {
      const call = { id: 'c', name: 'f', arguments: '{"a": 6.0}' }
      const result = new ChatTemplate(source, {}).render([{ role: 'assistant', content: null, toolCalls: [call] }], { tools: [], addGenerationPrompt: false })
      return result.ok ? result.value : result.error.message
    }
    const each = (body: string) => `{% for m in messages if m.tool_calls %}{% set a = m.tool_calls[0].function.arguments %}${body}{% endfor %}`
    expect(form(each('{{ m.content is none }}{{ a|tojson }}'))).toBe('True{"a": 6.0}')
    expect(form(each('{{ "[" + m.content + "]" }}{{ a.a }}'))).toBe('[]6.0')
    expect(form(each('{{ "[" + a + "]" + m.content }}'))).toBe('[{"a": 6.0}]')
    expect(form(each('{{ a }}'))).toBe('{"a": 6.0}')
  })
})
