import { z } from 'zod'
import type { Served } from '../served.ts'

/** Every text of this schema is short: any model comes to its end, whatever it thinks. */
export const Forecast = z.strictObject({ unit: z.enum(['celsius', 'kelvin']), rain: z.boolean() })

/** The tools that are offered. Both take a forecast. */
export const TOOLS = { get_weather: 'The weather of today.', set_alarm: 'Rings when it rains.' } as const
export type ToolName = keyof typeof TOOLS
export const TOOL_NAMES = Object.keys(TOOLS) as ToolName[]

export const WEATHER_QUESTION = 'How is the weather?'
/** What a tool gives back. */
export const RESULT = 'It rains.'
/** Of an answer that is held to a schema: it ends long before. */
export const CALL_TOKENS = 256
/** Of the text behind a result. */
export const TEXT_TOKENS = 4

export type Choice = 'auto' | 'required' | { readonly name: ToolName }

export interface Call {
  readonly id: string
  readonly name: string
  readonly input: unknown
}

export interface Called {
  readonly calls: readonly Call[]
  readonly text: string
  /** In OpenAI's words. */
  readonly reason: string
}

/** A client's own way to structured answers and to tools. All greedy. */
export interface ToolClient {
  readonly name: string
  /** WEATHER_QUESTION, answered as a Forecast. */
  parse(served: Served, streamed: boolean): Promise<unknown>
  /** WEATHER_QUESTION with TOOLS. @param parallel whether several calls are allowed. */
  call(served: Served, choice: Choice, options: { readonly streamed: boolean; readonly parallel: boolean }): Promise<Called>
  /** Asks so that a tool must be called, gives RESULT to each call, and gives the text that the model then says. */
  roundTrip(served: Served): Promise<string>
}
