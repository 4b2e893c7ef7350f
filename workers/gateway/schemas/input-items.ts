import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import type { ToolChoice } from '../chat/chat-call.ts'
import { ILL_FORMED, namedBy, wellFormedText } from './common-fields.ts'

const UNSUPPORTED = { code: 'custom', message: 'is not supported by this server', params: { reason: 'unsupported_parameter' } } as const

/** An item of a type that the API defines and that this server has no model for: refused by its name. SPEC AP2. */
export function unsupportedItem<const T extends readonly [string, ...string[]]>(types: T) {
  return z
    .looseObject({ type: z.enum(types) })
    .superRefine((_, context) => context.addIssue({ ...UNSUPPORTED, path: ['type'] }))
    .transform(() => z.NEVER)
    .meta({ description: 'Defined by the API, refused here with `unsupported_parameter`.', override: { not: {} } })
}

/** What OpenAI and Anthropic both take as a tool's name. */
export const toolName = z
  .string()
  .regex(new RegExp(`^[a-zA-Z0-9_-]{1,${LIMITS.toolNameChars}}$`), `must be 1 to ${LIMITS.toolNameChars} of a-z, A-Z, 0-9, _ and -`)

/** The client's name of a call: it stands in templates. */
export const toolCallId = wellFormedText.min(1).max(LIMITS.toolCallIdChars)

/** How JSON.stringify writes half of a surrogate pair; whole ones it writes as they are. */
const HALF_PAIR = /(?<!\\)(?:\\\\)*\\ud[89a-f]/

/** What its keywords may be, the grammar worker says. Half of a surrogate pair cannot be written, so no answer could match it. */
export const jsonSchema = namedBy(z.record(z.string(), z.unknown(), 'must be a JSON schema'))
  .refine((schema) => JSON.stringify(schema).length <= LIMITS.schemaCharsMax, `must have at most ${LIMITS.schemaCharsMax} characters as JSON`)
  .refine((schema) => !HALF_PAIR.test(JSON.stringify(schema)), ILL_FORMED)

/** Refuses two tools of one name, as a call could not say which it means, and a choice that no tool can meet. */
export function checkTools(tools: readonly { readonly name: string }[], choice: ToolChoice, context: z.RefinementCtx): void {
  const names = new Set<string>()
  for (const [index, { name }] of tools.entries()) {
    if (names.has(name)) context.addIssue({ code: 'custom', path: ['tools', index, 'name'], message: 'is the name of another tool, too' })
    names.add(name)
  }
  if (choice.kind === 'named' && !names.has(choice.name))
    context.addIssue({ code: 'custom', path: ['tool_choice', 'name'], message: 'names no tool of the request' })
  if (choice.kind === 'required' && names.size === 0) context.addIssue({ code: 'custom', path: ['tool_choice'], message: 'needs tools' })
}
