import { zodResponseFormat } from 'openai/helpers/zod'
import type { ChatCompletionFunctionTool, ChatCompletionMessage } from 'openai/resources/chat/completions'
import { z } from 'zod'
import { openaiSdk } from './openai-client.ts'
import { CALL_TOKENS, Forecast, RESULT, TEXT_TOKENS, TOOL_NAMES, TOOLS, WEATHER_QUESTION } from './tool-client.ts'
import type { Call, Choice, ToolClient } from './tool-client.ts'

const MESSAGES = [{ role: 'user' as const, content: WEATHER_QUESTION }]
const GREEDY = { messages: MESSAGES, temperature: 0, max_tokens: CALL_TOKENS }

const tools = TOOL_NAMES.map((name): ChatCompletionFunctionTool => ({
  type: 'function',
  function: { name, description: TOOLS[name], parameters: z.toJSONSchema(Forecast), strict: true },
}))

export const openaiTools: ToolClient = {
  name: 'openai',

  async parse(served, streamed) {
    const request = { ...GREEDY, model: served.model, response_format: zodResponseFormat(Forecast, 'forecast') }
    const completions = openaiSdk(served).chat.completions
    const { choices } = streamed ? await completions.stream(request).finalChatCompletion() : await completions.parse(request)
    return choices[0]?.message.parsed
  },

  async call(served, choice, { streamed, parallel }) {
    const request = { ...GREEDY, model: served.model, tools, tool_choice: toolChoice(choice), parallel_tool_calls: parallel }
    const completions = openaiSdk(served).chat.completions
    const { choices } = streamed ? await completions.stream(request).finalChatCompletion() : await completions.create(request)
    const [answer] = choices
    if (answer === undefined) throw new Error('no choice')
    return { calls: callsOf(answer.message), text: answer.message.content ?? '', reason: answer.finish_reason }
  },

  async roundTrip(served) {
    const completions = openaiSdk(served).chat.completions
    const request = { ...GREEDY, model: served.model, tools }
    const { choices } = await completions.create({ ...request, tool_choice: 'required' })
    const message = choices[0]?.message
    if (message === undefined) throw new Error('no choice')
    const results = callsOf(message).map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: RESULT }))
    const next = await completions.create({ ...request, messages: [...MESSAGES, message, ...results], tool_choice: 'none', max_tokens: TEXT_TOKENS })
    return next.choices[0]?.message.content ?? ''
  },
}

function toolChoice(choice: Choice) {
  return typeof choice === 'string' ? choice : { type: 'function' as const, function: { name: choice.name } }
}

function callsOf({ tool_calls = [] }: ChatCompletionMessage): Call[] {
  return tool_calls.map((call) => {
    if (call.type !== 'function') throw new Error(`a call of type ${call.type}`)
    return { id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) as unknown }
  })
}
