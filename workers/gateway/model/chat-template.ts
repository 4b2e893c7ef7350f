import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { ChatMessage, ToolDefinition } from '../chat/messages.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { TemplateBoundError } from './jinja/budget.ts'
import { JinjaTemplate } from './jinja/jinja-template.ts'
import { templateMessages, templateTools } from './template-messages.ts'
import type { CallForm, TemplateMessage } from './template-messages.ts'
import type { SpecialShield } from './special-text.ts'
import type { TemplateVariables } from './template-variables.ts'

const ERROR_CHARS_MAX = 300
const RENDER_LIMITS = { stepsMax: LIMITS.templateStepsMax, lengthMax: LIMITS.templateCharsMax, depthMax: LIMITS.templateDepthMax }

export interface TemplateOptions {
  readonly tools: readonly ToolDefinition[]
  /** Whether the text ends with the beginning of the assistant's answer. */
  readonly addGenerationPrompt: boolean
  /** The request's own, as `enable_thinking`; checked by `templateVariables`. */
  readonly variables?: TemplateVariables
  /** Hides special tokens in the texts of messages, tools and variables; null: they stay. */
  readonly shield?: SpecialShield | null
}

/** A model's own chat template: messages to the text that the model was trained on. SPEC TX1 to TX5. */
export class ChatTemplate {
  readonly source: string
  readonly #template: JinjaTemplate
  readonly #tokens: Readonly<Record<string, string>>
  readonly #nowMs: () => number
  readonly #callForm: CallForm

  /**
   * @param source Jinja.
   * @param tokens bos_token and eos_token, as far as the tokenizer has them.
   * @param nowMs what strftime_now reads, in UTC.
   * @throws Error of the library if the template cannot be parsed.
   */
  constructor(source: string, tokens: Readonly<Record<string, string>>, nowMs: () => number = Date.now) {
    this.source = source
    this.#template = new JinjaTemplate(source)
    this.#tokens = tokens
    this.#nowMs = nowMs
    this.#callForm = this.#probeCallForm()
  }

  /** `invalid-request` with the template's own words where it refuses the messages (an unknown role, an order that it does not know). */
  render(messages: readonly ChatMessage[], { tools, addGenerationPrompt, variables = {}, shield = null }: TemplateOptions): Result<string, MoeError> {
    const written = templateMessages(messages, this.#callForm)
    if (!written.ok) return written
    try {
      // Arguments of calls are parsed by now: a token that was written with escapes is seen too.
      const [texts, given] =
        shield === null ? [{ messages: written.value, tools }, variables] : [hideTexts(shield, written.value, tools), shield.hideAll(variables)]
      return ok(this.#render(texts.messages, texts.tools, { ...given, add_generation_prompt: addGenerationPrompt }))
    } catch (error) {
      return refusal(error)
    }
  }

  #render(messages: readonly unknown[], tools: readonly ToolDefinition[], variables: Readonly<Record<string, unknown>>): string {
    // null, not absent: transformers passes None for both, and templates ask whether tools are none.
    const own = { messages, tools: tools.length === 0 ? null : templateTools(tools), documents: null }
    return this.#template.render({ ...this.#tokens, ...variables, ...own }, this.#nowMs(), RENDER_LIMITS)
  }

  /**
   * Asks the template, once, by a chat with one call. Most walk a call's arguments as a dict; some put them between texts and need JSON text.
   * Content is '' unless null makes a difference that is not an error and not the word written out: of 61 templates 16 do that, and DeepSeek V3's alone wants null.
   */
  #probeCallForm(): CallForm {
    const object = this.#probe({ arguments: 'object', content: '' })
    const fits = object !== null && !object.includes(`{'${PROBE_ARGUMENT}'`)
    const text = fits ? null : this.#probe({ arguments: 'text', content: '' })
    const form: CallForm = { arguments: text === null ? 'object' : 'text', content: '' }
    const withNull = this.#probe({ ...form, content: null })
    const wantsNull = withNull?.includes(PROBE_ARGUMENT) === true && !/None|null/.test(withNull) && withNull !== (text ?? object)
    return wantsNull ? { ...form, content: null } : form
  }

  #probe(form: CallForm): string | null {
    const messages = templateMessages(PROBE_MESSAGES, form)
    if (!messages.ok) return null
    try {
      return this.#render(messages.value, [], { add_generation_prompt: false })
    } catch {
      return null // it refuses such a chat: an answer, not a failure
    }
  }
}

/** Roles are ours, and stay. */
function hideTexts(shield: SpecialShield, messages: readonly TemplateMessage[], tools: readonly ToolDefinition[]) {
  return { messages: messages.map((message) => ({ ...shield.hideAll(message), role: message.role })), tools: shield.hideAll(tools) }
}

const PROBE_ARGUMENT = 'probe_argument'
/** Nine letters: Mistral's templates ask for that. */
const PROBE_CALL = 'probecall'
const PROBE_MESSAGES: readonly ChatMessage[] = [
  { role: 'user', content: 'x' },
  { role: 'assistant', content: null, toolCalls: [{ id: PROBE_CALL, name: 'f', arguments: `{"${PROBE_ARGUMENT}": "x"}` }] },
]

function refusal(error: unknown): { readonly ok: false; readonly error: MoeError } {
  const reason = (error instanceof Error ? error.message : String(error)).slice(0, ERROR_CHARS_MAX)
  const message =
    error instanceof TemplateBoundError
      ? `The chat template takes too much for these messages: ${reason}.`
      : `The chat template refused the messages: ${reason}`
  return fail('invalid-request', message, { param: 'messages', reason: 'invalid_value' })
}
