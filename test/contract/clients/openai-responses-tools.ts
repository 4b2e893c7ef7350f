import { zodTextFormat } from 'openai/helpers/zod'
import type { FunctionTool, Response, ResponseInputItem } from 'openai/resources/responses/responses'
import { z } from 'zod'
import { openaiSdk } from './openai-client.ts'
import { CALL_TOKENS, Forecast, RESULT, TEXT_TOKENS, TOOL_NAMES, TOOLS, WEATHER_QUESTION } from './tool-client.ts'
import type { Call, Choice, ToolClient } from './tool-client.ts'

const GREEDY = { input: WEATHER_QUESTION, temperature: 0, max_output_tokens: CALL_TOKENS }

const tools = TOOL_NAMES.map((name): FunctionTool => ({
  type: 'function',
  name,
  description: TOOLS[name],
  parameters: z.toJSONSchema(Forecast),
  strict: true,
}))

export const openaiResponsesTools: ToolClient = {
  name: 'openai, responses',

  async parse(served, streamed) {
    const request = { ...GREEDY, model: served.model, text: { format: zodTextFormat(Forecast, 'forecast') } }
    const { responses } = openaiSdk(served)
    return (streamed ? await responses.stream(request).finalResponse() : await responses.parse(request)).output_parsed
  },

  async call(served, choice, { streamed, parallel }) {
    const request = { ...GREEDY, model: served.model, tools, tool_choice: toolChoice(choice), parallel_tool_calls: parallel }
    const { responses } = openaiSdk(served)
    const response = streamed ? await responses.stream(request).finalResponse() : await responses.create(request)
    const calls = callsOf(response)
    return { calls, text: response.output_text, reason: calls.length > 0 ? 'tool_calls' : 'stop' }
  },

  async roundTrip(served) {
    const { responses } = openaiSdk(served)
    const request = { ...GREEDY, model: served.model, tools }
    const first = await responses.create({ ...request, tool_choice: 'required' })
    const results = callsOf(first).map(({ id }) => ({ type: 'function_call_output' as const, call_id: id, output: RESULT }))
    const input: ResponseInputItem[] = [{ role: 'user', content: WEATHER_QUESTION }, ...(first.output as ResponseInputItem[]), ...results]
    return (await responses.create({ ...request, input, tool_choice: 'none', max_output_tokens: TEXT_TOKENS })).output_text
  },
}

function toolChoice(choice: Choice) {
  return typeof choice === 'string' ? choice : { type: 'function' as const, name: choice.name }
}

function callsOf({ output }: Response): Call[] {
  return output.flatMap((item) => (item.type === 'function_call' ? [{ id: item.call_id, name: item.name, input: JSON.parse(item.arguments) as unknown }] : []))
}
