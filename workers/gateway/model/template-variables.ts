import { TEMPLATE_GLOBALS } from './jinja/jinja-template.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'

/** Variables that a request may give the template: names to plain values. */
export type TemplateVariables = Readonly<Record<string, string | number | boolean | null>>

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** What the gateway sets itself. */
const OWN = ['messages', 'tools', 'documents', 'add_generation_prompt', 'continue_final_message', 'chat_template', 'bos_token', 'eos_token']
const RESERVED: ReadonlySet<string> = new Set([...OWN, ...TEMPLATE_GLOBALS])

/** What `templateVariables` takes, for the API's document. */
export const VARIABLES_SCHEMA = {
  type: 'object' as const,
  maxProperties: LIMITS.templateVariablesMax,
  propertyNames: { pattern: NAME.source, maxLength: LIMITS.templateVariableChars, not: { enum: [...RESERVED] } },
  additionalProperties: { type: ['string' as const, 'number' as const, 'boolean' as const, 'null' as const], maxLength: LIMITS.templateVariableChars },
}

/**
 * Checks `chat_template_kwargs` of a request, as `{enable_thinking: false}`: few names, none that the template or the gateway uses itself, and plain values.
 * Lists and dicts are refused: they could stand in for messages.
 * @returns the variables, or why they are refused, for the schema's error.
 */
export function templateVariables(value: unknown): TemplateVariables | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object'
  const entries = Object.entries(value)
  if (entries.length > LIMITS.templateVariablesMax) return `may have ${LIMITS.templateVariablesMax} names`
  for (const [name, given] of entries) {
    if (!NAME.test(name) || name.length > LIMITS.templateVariableChars) return 'has a name that is no plain identifier'
    if (RESERVED.has(name)) return `may not set ${name}`
    if (typeof given === 'string') {
      if (given.length > LIMITS.templateVariableChars || !given.isWellFormed())
        return `${name} must be well-formed and have at most ${LIMITS.templateVariableChars} characters`
    } else if (given !== null && typeof given !== 'boolean' && typeof given !== 'number') return `${name} must be a string, a number, a boolean or null`
  }
  return Object.fromEntries(entries) as TemplateVariables
}
