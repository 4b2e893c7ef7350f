import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import type { ToolChoice } from '../chat/chat-call.ts'
import { equals, ignored, isEmptyList, neutral, neutralOnly, never, samplingFields, stopString, wellFormedText, whole } from './common-fields.ts'
import { checkTools, jsonSchema, toolCallId, toolName, unsupportedItem } from './input-items.ts'

const textBlock = z.strictObject({ type: z.literal('text'), text: wellFormedText, cache_control: ignored, citations: neutralOnly(isEmptyList) })

/** A string, or text blocks, which are joined. */
const plainText = z
  .union([
    wellFormedText,
    z
      .array(z.discriminatedUnion('type', [textBlock, unsupportedItem(['image', 'document', 'search_result', 'tool_reference', 'browser_state'])]))
      .max(LIMITS.contentPartsMax),
  ])
  .transform((value) => (typeof value === 'string' ? value : value.map(({ text }) => text).join('')))

const toolUse = z.strictObject({
  type: z.literal('tool_use'),
  id: toolCallId,
  name: toolName,
  input: jsonSchema,
  cache_control: ignored,
  caller: ignored,
  toolset_name: neutralOnly(never),
})

const toolResult = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: toolCallId,
  content: plainText.nullish(),
  is_error: z.boolean().nullish().meta({ description: 'Accepted; templates have no word for it, so `content` must say what went wrong.' }),
  cache_control: ignored,
  toolset_name: neutralOnly(never),
})

/** What the model thought, when the client sends it back. The signature is of whoever made it. */
const thinking = z.strictObject({ type: z.literal('thinking'), thinking: wellFormedText, signature: ignored })

/** Blocks that need a model of another kind, and those of tools that Anthropic runs itself. */
const OTHER_BLOCKS = [
  'image',
  'document',
  'search_result',
  'redacted_thinking',
  'server_tool_use',
  'web_search_tool_result',
  'web_fetch_tool_result',
  'code_execution_tool_result',
  'bash_code_execution_tool_result',
  'text_editor_code_execution_tool_result',
  'tool_search_tool_result',
  'container_upload',
  'compaction',
] as const

const blocks = z
  .array(z.discriminatedUnion('type', [textBlock, toolUse, toolResult, thinking, unsupportedItem(OTHER_BLOCKS)]).meta({ id: 'MessageInputBlock' }))
  .min(1)
  .max(LIMITS.contentPartsMax)
export type MessageBlock = z.output<typeof blocks>[number]

const message = z
  .strictObject({ role: z.enum(['user', 'assistant', 'system']), content: z.union([wellFormedText, blocks]) })
  .superRefine(({ role, content }, context) => {
    if (typeof content === 'string') return
    for (const [index, { type }] of content.entries()) {
      const owner = BLOCK_OWNERS[type]
      if (owner !== null && owner !== role)
        context.addIssue({ code: 'custom', path: ['content', index, 'type'], message: `belongs into a message of the ${owner}` })
    }
  })
  .meta({ id: 'MessageInput' })

const BLOCK_OWNERS = { text: null, tool_use: 'assistant', tool_result: 'user', thinking: 'assistant' } as const

const tool = z.strictObject({
  type: z.literal('custom').nullish(),
  name: toolName,
  description: wellFormedText.nullish(),
  input_schema: jsonSchema,
  strict: z.boolean().nullish(),
  cache_control: ignored,
  allowed_callers: ignored,
  eager_input_streaming: ignored,
  defer_loading: neutralOnly(equals(false)),
  input_examples: neutralOnly(isEmptyList),
})

const notParallel = z.boolean().nullish()
const toolChoice = z.discriminatedUnion('type', [
  z.strictObject({ type: z.enum(['auto', 'any']), disable_parallel_tool_use: notParallel }),
  z.strictObject({ type: z.literal('tool'), name: toolName, disable_parallel_tool_use: notParallel }),
  z.strictObject({ type: z.literal('none') }),
])

const isThinkingOff = neutral((value) => typeof value === 'object' && value !== null && 'type' in value && value.type === 'disabled', {
  type: 'object',
  properties: { type: { const: 'disabled' } },
  required: ['type'],
})

/** What makes the prompt, and fields that change nothing or only with a neutral value. */
const promptFields = {
  model: z.string(),
  messages: z.array(message).min(1).max(LIMITS.messagesMax),
  system: plainText.nullish(),
  tools: z.array(tool).max(LIMITS.toolsMax).nullish(),
  tool_choice: toolChoice.nullish(),
  output_config: z
    .strictObject({
      format: z.strictObject({ type: z.literal('json_schema'), schema: jsonSchema }).nullish(),
      effort: neutralOnly(equals('high')),
    })
    .nullish(),

  cache_control: ignored,
  thinking: neutralOnly(isThinkingOff),
  speed: neutralOnly(equals('standard')),
  mcp_servers: neutralOnly(isEmptyList),
  context_management: neutralOnly(never),
}

const { stop: _stop, ...otherSamplingFields } = samplingFields

/** POST /v1/messages. Anthropic's fields; those for sampling that it does not have are the other endpoints'. */
export const MessagesRequest = z
  .strictObject({
    ...otherSamplingFields,
    ...promptFields,
    max_tokens: whole(1, LIMITS.contextMax),
    temperature: z.number().min(0).max(1).nullish(),
    stop_sequences: z.array(stopString).max(LIMITS.stopStringsMax).nullish(),
    stream: z.boolean().nullish(),

    metadata: ignored,
    service_tier: ignored,
    diagnostics: ignored,
    inference_geo: neutralOnly(never),
    container: neutralOnly(never),
  })
  .superRefine(checkPromptFields)
  .meta({ id: 'MessagesRequest' })

export type MessagesRequest = z.output<typeof MessagesRequest>

/** POST /v1/messages/count_tokens. */
export const CountTokensRequest = z.strictObject(promptFields).superRefine(checkPromptFields).meta({ id: 'CountTokensRequest' })

export type PromptFields = z.output<typeof CountTokensRequest>

function checkPromptFields(request: z.output<z.ZodObject<typeof promptFields>>, context: z.RefinementCtx): void {
  checkTools(request.tools ?? [], anthropicToolChoice(request.tool_choice), context)
  if (request.messages.at(-1)?.role !== 'assistant') return
  const path = ['messages', request.messages.length - 1, 'role']
  context.addIssue({
    code: 'custom',
    path,
    message: 'is assistant in the last message: this server does not continue an answer that the client began',
    params: { reason: 'unsupported_parameter' },
  })
}

export function anthropicToolChoice(choice: z.output<typeof toolChoice> | null | undefined): ToolChoice {
  if (choice?.type === 'tool') return { kind: 'named', name: choice.name }
  return { kind: choice?.type === 'any' ? 'required' : (choice?.type ?? 'auto') }
}
