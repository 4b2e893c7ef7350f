import type Anthropic from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { z } from 'zod'
import type { Served } from '../served.ts'
import { anthropicSdk, REASONS } from './anthropic-client.ts'
import { CALL_TOKENS, Forecast, RESULT, TEXT_TOKENS, TOOL_NAMES, TOOLS, WEATHER_QUESTION } from './tool-client.ts'
import type { Choice, ToolClient } from './tool-client.ts'

const MESSAGES = [{ role: 'user' as const, content: WEATHER_QUESTION }]

const tools = TOOL_NAMES.map((name): Anthropic.Tool => ({
  name,
  description: TOOLS[name],
  input_schema: z.toJSONSchema(Forecast) as Anthropic.Tool.InputSchema,
}))

export const anthropicTools: ToolClient = {
  name: '@anthropic-ai/sdk',

  async parse(served, streamed) {
    const request = { ...greedy(served), output_config: { format: zodOutputFormat(Forecast) } }
    const { messages } = anthropicSdk(served)
    return (streamed ? await messages.stream(request).finalMessage() : await messages.parse(request)).parsed_output
  },

  async call(served, choice, { streamed, parallel }) {
    const request = { ...greedy(served), tools, tool_choice: { ...toolChoice(choice), disable_parallel_tool_use: !parallel } }
    const { messages } = anthropicSdk(served)
    const { content, stop_reason } = streamed ? await messages.stream(request).finalMessage() : await messages.create(request)
    return {
      calls: content.flatMap((block) => (block.type === 'tool_use' ? [{ id: block.id, name: block.name, input: block.input }] : [])),
      text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
      reason: REASONS[stop_reason ?? ''] ?? String(stop_reason),
    }
  },

  async roundTrip(served) {
    const { messages } = anthropicSdk(served)
    const { content } = await messages.create({ ...greedy(served), tools, tool_choice: { type: 'any' } })
    const results = content.flatMap((block) => (block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: RESULT }] : []))
    const next = await messages.create({
      ...greedy(served, TEXT_TOKENS),
      messages: [...MESSAGES, { role: 'assistant', content }, { role: 'user', content: results }],
      tools,
      tool_choice: { type: 'none' },
    })
    return next.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  },
}

function greedy({ model }: Served, max_tokens = CALL_TOKENS) {
  return { model, max_tokens, messages: MESSAGES, temperature: 0 }
}

function toolChoice(choice: Choice) {
  if (choice === 'auto') return { type: 'auto' as const }
  return choice === 'required' ? { type: 'any' as const } : { type: 'tool' as const, name: choice.name }
}
