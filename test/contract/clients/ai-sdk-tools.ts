import { generateText, isStepCount, Output, streamText, tool } from 'ai'
import type { ToolSet } from 'ai'
import { collect } from '../served.ts'
import type { Served } from '../served.ts'
import { aiSdkModel } from './ai-sdk-client.ts'
import { CALL_TOKENS, Forecast, RESULT, TEXT_TOKENS, TOOL_NAMES, TOOLS, WEATHER_QUESTION } from './tool-client.ts'
import type { Choice, ToolClient } from './tool-client.ts'

const REASONS: Readonly<Record<string, string>> = { 'tool-calls': 'tool_calls' }

// Its own types are not made for exactOptionalPropertyTypes.
const tools = Object.fromEntries(TOOL_NAMES.map((name) => [name, tool({ description: TOOLS[name], inputSchema: Forecast, strict: true })])) as ToolSet
const executed = Object.fromEntries(TOOL_NAMES.map((name) => [name, tool({ description: TOOLS[name], inputSchema: Forecast, execute: () => RESULT })]))

export const aiSdkTools: ToolClient = {
  name: 'ai',

  async parse(served, streamed) {
    const request = { ...greedy(served), output: Output.object({ schema: Forecast }) }
    if (!streamed) return (await generateText(request)).output
    return (await collect(streamText(request).partialOutputStream)).at(-1)
  },

  async call(served, choice, { streamed, parallel }) {
    const providerOptions = { isomoe: { parallel_tool_calls: parallel } }
    const request = { ...greedy(served), tools, toolChoice: toolChoice(choice), providerOptions }
    const result = streamed ? streamText(request) : await generateText(request)
    const calls = (await result.toolCalls).map(({ toolCallId, toolName, input }) => ({ id: toolCallId, name: toolName, input }))
    const reason = await result.finishReason
    return { calls, text: await result.text, reason: REASONS[reason] ?? reason }
  },

  /** The SDK's own loop: it runs the tools and asks again. */
  async roundTrip(served) {
    const { steps, text } = await generateText({
      ...greedy(served),
      tools: executed,
      toolChoice: 'required',
      stopWhen: isStepCount(2),
      prepareStep: ({ stepNumber }) => (stepNumber === 0 ? {} : { toolChoice: 'none', maxOutputTokens: TEXT_TOKENS }),
    })
    if (steps.length !== 2) throw new Error(`${steps.length} steps`)
    return text
  },
}

function greedy(served: Served) {
  return { model: aiSdkModel(served), prompt: WEATHER_QUESTION, temperature: 0, maxOutputTokens: CALL_TOKENS, maxRetries: 0 }
}

function toolChoice(choice: Choice) {
  return typeof choice === 'string' ? choice : { type: 'tool' as const, toolName: choice.name }
}
