import { Template } from '@huggingface/jinja'
import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { ChatMessage, ToolDefinition } from '../chat/messages.ts'
import type { Result } from '../../../shared/protocol/result.ts'

const ERROR_CHARS_MAX = 300

export interface TemplateOptions {
  readonly tools: readonly ToolDefinition[]
  /** Whether the text ends with the beginning of the assistant's answer. */
  readonly addGenerationPrompt: boolean
}

/** A model's own chat template: messages to the text that the model was trained on. */
export class ChatTemplate {
  readonly #template: Template
  readonly #tokens: Readonly<Record<string, string>>

  /**
   * @param source Jinja.
   * @param tokens bos_token and eos_token, as far as the tokenizer has them.
   * @throws Error of the library if the template cannot be parsed.
   */
  constructor(source: string, tokens: Readonly<Record<string, string>>) {
    this.#template = new Template(source)
    this.#tokens = tokens
  }

  /** `invalid-request` with the template's own words where it refuses the messages (an unknown role, an order that it does not know). */
  render(messages: readonly ChatMessage[], { tools, addGenerationPrompt }: TemplateOptions): Result<string, MoeError> {
    try {
      // null, not absent: transformers passes None for both, and templates ask whether tools are none.
      const variables = {
        ...this.#tokens,
        messages,
        tools: tools.length === 0 ? null : tools.map(toolOf),
        documents: null,
        add_generation_prompt: addGenerationPrompt,
      }
      return ok(this.#template.render(variables))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return fail('invalid-request', `The chat template refused the messages: ${reason.slice(0, ERROR_CHARS_MAX)}`, {
        param: 'messages',
        reason: 'invalid_value',
      })
    }
  }
}

/** A tool as OpenAI writes it, which is how templates were trained to read it. */
function toolOf({ name, description, parameters }: ToolDefinition) {
  return { type: 'function', function: { name, ...(description !== null && { description }), ...(parameters && { parameters }) } }
}
