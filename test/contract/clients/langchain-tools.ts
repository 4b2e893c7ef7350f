import { HumanMessage, ToolMessage } from '@langchain/core/messages'
import type { AIMessage, AIMessageChunk } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import type { Served } from '../served.ts'
import { langchainModel } from './langchain-client.ts'
import { CALL_TOKENS, Forecast, RESULT, TEXT_TOKENS, TOOL_NAMES, TOOLS, WEATHER_QUESTION } from './tool-client.ts'
import type { Choice, ToolClient } from './tool-client.ts'

const tools = TOOL_NAMES.map((name) => tool(() => RESULT, { name, description: TOOLS[name], schema: Forecast }))

export const langchainTools: ToolClient = {
  name: '@langchain/openai',

  async parse(served, streamed) {
    const model = greedy(served).withStructuredOutput(Forecast, { name: 'forecast', method: 'jsonSchema', strict: true })
    if (!streamed) return model.invoke(WEATHER_QUESTION)
    let last: unknown
    for await (const partial of await model.stream(WEATHER_QUESTION)) last = partial
    return last
  },

  async call(served, choice, { streamed, parallel }) {
    const model = greedy(served).bindTools(tools, { tool_choice: toolChoice(choice), parallel_tool_calls: parallel, strict: true })
    const message = streamed ? await whole(await model.stream(WEATHER_QUESTION)) : await model.invoke(WEATHER_QUESTION)
    const calls = (message.tool_calls ?? []).map(({ id, name, args }) => ({ id: id ?? '', name, input: args as unknown }))
    return { calls, text: message.text, reason: String(message.response_metadata['finish_reason']) }
  },

  async roundTrip(served) {
    const question = new HumanMessage(WEATHER_QUESTION)
    const message = await greedy(served).bindTools(tools, { tool_choice: 'required' }).invoke([question])
    const results = (message.tool_calls ?? []).map(({ id }) => new ToolMessage({ content: RESULT, tool_call_id: id ?? '' }))
    const next = await greedy(served, TEXT_TOKENS)
      .bindTools(tools, { tool_choice: 'none' })
      .invoke([question, message, ...results])
    return next.text
  },
}

function greedy(served: Served, maxTokens = CALL_TOKENS) {
  return langchainModel(served, { maxTokens })
}

async function whole(chunks: AsyncIterable<AIMessageChunk>): Promise<AIMessage> {
  let message: AIMessageChunk | null = null
  for await (const chunk of chunks) message = message === null ? chunk : message.concat(chunk)
  if (message === null) throw new Error('no chunks')
  return message
}

function toolChoice(choice: Choice) {
  return typeof choice === 'string' ? choice : { type: 'function' as const, function: { name: choice.name } }
}
