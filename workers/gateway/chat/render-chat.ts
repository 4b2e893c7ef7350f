import { fail } from '../../../shared/protocol/errors.ts'
import { orRefuse } from '../http/errors.ts'
import type { TemplateOptions } from '../model/chat-template.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import type { ShieldedText } from '../model/special-text.ts'
import type { ChatMessage } from './messages.ts'

/**
 * The messages as the model's template writes them, with special tokens in the client's texts hidden: only the template's own are special (SPEC TX8).
 * Refuses with `invalid-request` if the model has no template or it refuses them.
 */
export function renderChat(model: LoadedModel, messages: readonly ChatMessage[], options: TemplateOptions): ShieldedText {
  if (model.template === null) {
    return orRefuse(fail('invalid-request', `${model.name} has no chat template: use /v1/completions.`, { param: 'messages', reason: 'invalid_value' }))
  }
  const shield = model.codec?.shield() ?? null
  const text = orRefuse(model.template.render(messages, { ...options, shield }))
  return { text, hidden: shield?.hidden() ?? new Map() }
}
