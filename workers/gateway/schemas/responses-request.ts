import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import type { ToolChoice } from '../chat/chat-call.ts'
import { equals, ignored, isEmptyList, namedBy, neutral, neutralOnly, never, samplingFields, wellFormedText, whole } from './common-fields.ts'
import { checkTools, jsonSchema, toolCallId, toolName, unsupportedItem } from './input-items.ts'

const itemStatus = z.enum(['in_progress', 'completed', 'incomplete']).nullish()

const textPart = z.strictObject({
  type: z.enum(['input_text', 'output_text', 'text']),
  text: wellFormedText,
  annotations: ignored,
  logprobs: ignored,
  prompt_cache_breakpoint: ignored,
})
const contentPart = z.discriminatedUnion('type', [textPart, unsupportedItem(['input_image', 'input_file', 'input_audio', 'refusal'])])

/** A string, or text parts, which are joined. */
const content = z
  .union([wellFormedText, z.array(contentPart).min(1).max(LIMITS.contentPartsMax)])
  .transform((value) => (typeof value === 'string' ? value : value.map(({ text }) => text).join('')))

const inputMessage = z.strictObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content,
  id: ignored,
  status: itemStatus,
  phase: ignored,
})

const functionCall = z.strictObject({
  type: z.literal('function_call'),
  call_id: toolCallId,
  name: toolName,
  arguments: wellFormedText,
  id: ignored,
  status: itemStatus,
  namespace: neutralOnly(never),
  caller: ignored,
})

const functionCallOutput = z.strictObject({
  type: z.literal('function_call_output'),
  call_id: toolCallId,
  output: content,
  id: ignored,
  status: itemStatus,
  name: ignored,
  namespace: neutralOnly(never),
  caller: ignored,
})

/** Items of tools that OpenAI runs itself, and what would have to be stored. */
const OTHER_ITEMS = [
  'reasoning',
  'item_reference',
  'file_search_call',
  'web_search_call',
  'computer_call',
  'computer_call_output',
  'image_generation_call',
  'code_interpreter_call',
  'local_shell_call',
  'local_shell_call_output',
  'shell_call',
  'shell_call_output',
  'apply_patch_call',
  'apply_patch_call_output',
  'mcp_list_tools',
  'mcp_approval_request',
  'mcp_approval_response',
  'mcp_call',
  'custom_tool_call',
  'custom_tool_call_output',
  'compaction',
] as const

const inputItem = z
  .discriminatedUnion('type', [inputMessage, functionCall, functionCallOutput, unsupportedItem(OTHER_ITEMS)])
  .meta({ id: 'ResponsesInputItem' })
export type ResponsesInputItem = z.output<typeof inputItem>

const functionTool = z.strictObject({
  type: z.literal('function'),
  name: toolName,
  description: wellFormedText.nullish(),
  parameters: jsonSchema.nullish(),
  strict: z.boolean().nullish(),
  allowed_callers: ignored,
  defer_loading: neutralOnly(equals(false)),
  output_schema: ignored,
  async: neutralOnly(equals(false)),
})

const OTHER_TOOLS = [
  'file_search',
  'web_search',
  'web_search_2025_08_26',
  'web_search_preview',
  'web_search_preview_2025_03_11',
  'computer',
  'computer_use_preview',
  'mcp',
  'code_interpreter',
  'image_generation',
  'local_shell',
  'shell',
  'custom',
  'namespace',
  'tool_search',
  'apply_patch',
] as const
const tool = z.discriminatedUnion('type', [functionTool, unsupportedItem(OTHER_TOOLS)])

const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('function'), name: toolName }),
    unsupportedItem([...OTHER_TOOLS, 'allowed_tools', 'programmatic_tool_calling']),
  ]),
])

const format = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    name: z.string().max(LIMITS.toolNameChars),
    schema: jsonSchema,
    description: wellFormedText.nullish(),
    strict: z.boolean().nullish(),
  }),
])

const isPlainReasoning = neutral(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(([key, part]) => key !== 'effort' || part === null || part === 'none'),
  { type: 'object', properties: { effort: { enum: [null, 'none'] } } },
)

/** What `include` may ask for. Only log-probabilities are there; the others belong to tools that do not run here and to reasoning, which is not hidden. */
const INCLUDABLE = [
  'message.output_text.logprobs',
  'reasoning.encrypted_content',
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'message.input_image.image_url',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
] as const

/** POST /v1/responses. OpenAI's fields, and the sampling fields of the other endpoints. Nothing is stored. */
export const ResponsesRequest = z
  .strictObject({
    ...samplingFields,
    model: z.string(),
    input: z.union([wellFormedText, z.array(inputItem).min(1).max(LIMITS.messagesMax)]),
    instructions: wellFormedText.nullish(),
    max_output_tokens: whole(1, LIMITS.contextMax).nullish(),
    text: z.strictObject({ format: format.nullish(), verbosity: neutralOnly(equals('medium')) }).nullish(),
    tools: z.array(tool).max(LIMITS.toolsMax).nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    include: z.array(z.enum(INCLUDABLE)).max(INCLUDABLE.length).nullish(),
    top_logprobs: whole(0, LIMITS.logprobsMax).nullish(),
    stream: z.boolean().nullish(),
    metadata: namedBy(z.record(z.string().max(64), z.string().max(512)), LIMITS.metadataMax)
      .nullish()
      .meta({ override: { maxProperties: LIMITS.metadataMax } }),

    user: ignored,
    service_tier: ignored,
    safety_identifier: ignored,
    prompt_cache_key: ignored,
    prompt_cache_options: ignored,
    prompt_cache_retention: ignored,
    stream_options: z.strictObject({ include_obfuscation: ignored }).nullish(),

    store: neutralOnly(equals(false)),
    previous_response_id: neutralOnly(never),
    conversation: neutralOnly(never),
    prompt: neutralOnly(never),
    background: neutralOnly(equals(false)),
    max_tool_calls: neutralOnly(never),
    truncation: neutralOnly(equals('disabled')),
    reasoning: neutralOnly(isPlainReasoning),
    context_management: neutralOnly(isEmptyList),
    moderation: neutralOnly(never),
  })
  .superRefine((request, context) => checkTools(request.tools ?? [], toolChoiceOf(request.tool_choice), context))
  .meta({ id: 'ResponsesRequest' })

export type ResponsesRequest = z.output<typeof ResponsesRequest>

export function toolChoiceOf(choice: z.output<typeof toolChoice> | null | undefined): ToolChoice {
  if (typeof choice === 'object' && choice !== null) return { kind: 'named', name: choice.name }
  return { kind: choice ?? 'auto' }
}
