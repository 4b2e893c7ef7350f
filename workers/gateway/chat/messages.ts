/** A call of a tool, as the model asked for it. */
export interface ToolCall {
  /** The client's name for the call: answers refer to it. */
  readonly id: string
  readonly name: string
  /** JSON text, as the model wrote it. */
  readonly arguments: string
}

/** A function that the model may ask for. */
export interface ToolDefinition {
  readonly name: string
  readonly description: string | null
  /** JSON Schema of the arguments; null: none are named. */
  readonly parameters: Readonly<Record<string, unknown>> | null
}

/** One message of a chat, whichever API it came by. chat-template.ts writes it as templates want it. */
export type ChatMessage =
  | { readonly role: 'system' | 'user'; readonly content: string; readonly name?: string }
  /** `content` null: it only called tools. */
  | {
      readonly role: 'assistant'
      readonly content: string | null
      readonly name?: string
      readonly reasoning?: string
      readonly toolCalls?: readonly ToolCall[]
    }
  | { readonly role: 'tool'; readonly content: string; readonly toolCallId: string; readonly name?: string }
