import type { AnswerFormat } from '../chat-call.ts'
import type { ChatMessage, ToolDefinition } from '../messages.ts'
import type { OutputParser } from '../output-parser.ts'
import type { Structure } from '../structural-tag.ts'

/** What an answer may be. */
export interface AnswerRules {
  /** Those that may be called; none: no calls. */
  readonly tools: readonly ToolDefinition[]
  /** A call, not text. */
  readonly mustCall: boolean
  /** More than one call. */
  readonly parallel: boolean
  /** The form of the text, where it is not calls. */
  readonly format: AnswerFormat
}

/** What the template gets. */
export interface OfferedChat {
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly ToolDefinition[]
}

/** How a model writes its calls of tools. Which one it is, its template says (detect-format.ts). */
export interface ToolFormat {
  readonly name: string
  /** Texts that may be special tokens: they are text here, because the parser reads them. */
  readonly markers: readonly string[]
  /** What a tool cannot have in this format, in words; null: nothing is wrong. */
  readonly problem: (tool: ToolDefinition) => string | null
  /** What the answer must match; null: anything goes. */
  readonly structure: (rules: AnswerRules) => Structure | null
  readonly parser: (rules: AnswerRules) => OutputParser
  /** The chat as the template can write it, with these tools offered. */
  readonly offer: (messages: readonly ChatMessage[], tools: readonly ToolDefinition[]) => OfferedChat
  /** A call as it is written, for templates that do not describe the tools; null: they all do. */
  readonly example: string | null
}

/** A tool without parameters has no arguments, as OpenAI has it. A schema of arguments is an object's, whether it says so or not. */
export function argumentsSchema({ parameters }: ToolDefinition): Readonly<Record<string, unknown>> {
  return parameters === null ? { type: 'object', properties: {}, additionalProperties: false } : { ...parameters, type: 'object' }
}
