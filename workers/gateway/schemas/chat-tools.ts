import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import type { AnswerFormat, ToolChoice } from '../chat/chat-call.ts'
import type { ToolDefinition } from '../chat/messages.ts'
import { wellFormedText } from './common-fields.ts'
import { jsonSchema, toolName } from './input-items.ts'

const schema = z.union(
  [z.boolean(), jsonSchema],
  `must be a JSON schema that has at most ${LIMITS.schemaCharsMax} characters as JSON and is well-formed Unicode`,
)

const tool = z
  .strictObject({
    type: z.literal('function'),
    function: z.strictObject({
      name: toolName,
      description: wellFormedText.nullish(),
      parameters: jsonSchema.nullish(),
      /** Arguments always match: nothing is left for it to say. */
      strict: z.boolean().nullish(),
    }),
  })
  .transform(({ function: { name, description, parameters } }): ToolDefinition => ({ name, description: description ?? null, parameters: parameters ?? null }))

export const chatTools = z
  .array(tool)
  .max(LIMITS.toolsMax)
  .transform((tools, context) => {
    const names = tools.map(({ name }) => name)
    const twice = names.findIndex((name, index) => names.indexOf(name) < index)
    if (twice !== -1) context.addIssue({ code: 'custom', path: [twice, 'function', 'name'], message: 'is the name of an earlier tool' })
    for (const [index, { parameters }] of tools.entries()) {
      if (parameters === null || parameters['type'] === undefined || parameters['type'] === 'object') continue
      context.addIssue({ code: 'custom', path: [index, 'function', 'parameters'], message: "must be the schema of an object: 'type' is 'object'" })
    }
    return tools
  })

const namedTool = z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: toolName }) })
const allowedTools = z.strictObject({
  type: z.literal('allowed_tools'),
  allowed_tools: z.strictObject({ mode: z.enum(['auto', 'required']), tools: z.array(namedTool).min(1).max(LIMITS.toolsMax) }),
})

/** A choice, and the tools that it leaves; null: all. */
interface ChosenTools {
  readonly choice: ToolChoice
  readonly allowed: readonly string[] | null
}

export const toolChoice = z
  .union(
    [z.enum(['none', 'auto', 'required']), namedTool, allowedTools],
    "must be 'none', 'auto', 'required', {type: 'function', function: {name}} or {type: 'allowed_tools', allowed_tools: {mode, tools}}",
  )
  .transform((value): ChosenTools => {
    if (typeof value === 'string') return { choice: { kind: value }, allowed: null }
    if (value.type === 'function') return { choice: { kind: 'named', name: value.function.name }, allowed: null }
    const { mode, tools } = value.allowed_tools
    return { choice: { kind: mode }, allowed: tools.map(({ function: { name } }) => name) }
  })

interface ToolFields {
  readonly tools?: readonly ToolDefinition[] | null | undefined
  readonly tool_choice?: ChosenTools | null | undefined
}

/** A choice must be of tools that are there. */
export function checkToolChoice({ tools, tool_choice: chosen }: ToolFields, context: z.RefinementCtx): void {
  if (chosen === null || chosen === undefined) return
  const names = (tools ?? []).map(({ name }) => name)
  const wanted = chosen.choice.kind === 'named' ? [chosen.choice.name] : (chosen.allowed ?? [])
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) context.addIssue({ code: 'custom', path: ['tool_choice'], message: `there is no tool ${unknown}` })
  else if (chosen.choice.kind === 'required' && names.length === 0) context.addIssue({ code: 'custom', path: ['tool_choice'], message: 'needs tools' })
}

/** The tools that may be called, and how. Without tools nothing is chosen. */
export function chosenTools({ tools, tool_choice: chosen }: ToolFields): { readonly tools: readonly ToolDefinition[]; readonly toolChoice: ToolChoice } {
  const all = tools ?? []
  const { choice, allowed } = chosen ?? { choice: { kind: 'auto' }, allowed: null }
  return { tools: allowed === null ? all : all.filter(({ name }) => allowed.includes(name)), toolChoice: all.length === 0 ? { kind: 'none' } : choice }
}

const jsonSchemaFormat = z.strictObject({
  type: z.literal('json_schema'),
  json_schema: z.strictObject({ name: toolName, description: z.string().nullish(), strict: z.boolean().nullish(), schema }),
})

/** `strict: false` constrains too: an answer that matches is what both ask for. */
export const responseFormat = z
  .discriminatedUnion('type', [z.strictObject({ type: z.literal('text') }), z.strictObject({ type: z.literal('json_object') }), jsonSchemaFormat], {
    error: (issue) => (issue.code === 'invalid_union' ? "'type' must be text, json_object or json_schema" : undefined),
  })
  .transform((format): AnswerFormat => {
    switch (format.type) {
      case 'text':
        return { kind: 'text' }
      case 'json_object':
        return { kind: 'json-object' }
      case 'json_schema':
        return { kind: 'json-schema', schema: format.json_schema.schema }
    }
  })
