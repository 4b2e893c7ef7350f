import type { MoeError } from '../../../shared/protocol/errors.ts'
import type { GeneratingFields } from '../generate/engine-request.ts'
import type { ScoredToken } from '../generate/choice-assembler.ts'
import type { ChoiceFinish } from '../generate/generation.ts'
import type { Prompt } from '../generate/prompt-tokens.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import type { TemplateVariables } from '../model/template-variables.ts'
import type { TextCodec } from '../model/text-codec.ts'
import type { FieldNames } from './field-names.ts'
import type { ChatMessage, ToolDefinition } from './messages.ts'

/** Which tools the model may, must or must not call. */
export type ToolChoice = { readonly kind: 'none' | 'auto' | 'required' } | { readonly kind: 'named'; readonly name: string }

/** What form the answer's text has. */
export type AnswerFormat =
  | { readonly kind: 'text' }
  | { readonly kind: 'json-object' }
  | { readonly kind: 'json-schema'; readonly schema: Readonly<Record<string, unknown>> | boolean }

/**
 * A chat, whichever API it came by: /v1/chat/completions, /v1/responses and /v1/messages are adapters over this one call (start-chat.ts).
 * Parsed, bounded and in our words; what a field leaves open is null.
 */
export interface ChatCall {
  /** For refusals. */
  readonly names: FieldNames
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly ToolDefinition[]
  readonly toolChoice: ToolChoice
  readonly parallelToolCalls: boolean
  readonly format: AnswerFormat
  /** For the template, as `enable_thinking`. */
  readonly templateVariables: TemplateVariables
  readonly sampling: GeneratingFields
  /** Null: what the context leaves. */
  readonly maxTokens: number | null
  readonly stops: readonly string[]
  /** Alternatives a token; null: no log-probabilities. */
  readonly logprobs: number | null
  /** The answer is streamed, not collected. */
  readonly streamed: boolean
}

/** `tool_calls`: whole calls were made, by whichever choice of tools. */
export type ChatFinishReason = 'stop' | 'length' | 'tool_calls'

/** What a chat gives, in order per choice: reasoning, text and tool calls, one finish. An error is the last. */
export type ChatOutput =
  /** May be empty where it carries ids or log-probabilities alone. */
  | { readonly type: 'text'; readonly index: number; readonly text: string; readonly ids: readonly number[]; readonly scored: readonly ScoredToken[] }
  /** What the model thinks aloud before it answers. */
  | { readonly type: 'reasoning'; readonly index: number; readonly text: string }
  /** The choice's `call`-th tool call begins; its arguments follow, piece by piece. */
  | { readonly type: 'tool-call'; readonly index: number; readonly call: number; readonly id: string; readonly name: string }
  | { readonly type: 'tool-arguments'; readonly index: number; readonly call: number; readonly text: string }
  | ({ readonly type: 'finish'; readonly index: number; readonly reason: ChatFinishReason; readonly reasoningTokens: number } & Omit<ChoiceFinish, 'reason'>)
  | { readonly type: 'error'; readonly error: MoeError }

/** A chat under way. */
export interface StartedChat {
  readonly model: LoadedModel
  readonly codec: TextCodec
  readonly prompt: Prompt
  readonly n: number
  readonly outputs: AsyncGenerator<ChatOutput, void>
  /** Ends the engine's work at once; idempotent. */
  readonly cancel: () => void
}
