import type { MoeError } from '../../../shared/protocol/errors.ts'
import type { AnswerBlock, AnswerFinish } from '../chat/answer-blocks.ts'
import type { Prompt } from '../generate/prompt-tokens.ts'
import { errorEnvelope } from '../http/errors.ts'
import type { TextCodec } from '../model/text-codec.ts'
import type { ResponsesRequest } from '../schemas/responses-request.ts'
import { chatLogprobs } from './chat-logprobs.ts'

/** What an answer of /v1/responses says of its request. */
export interface ResponseView {
  /** The request's id: the response's and its items' ids are made of it. */
  readonly requestId: string
  /** Seconds since 1970. */
  readonly createdAt: number
  readonly model: string
  readonly request: ResponsesRequest
  readonly temperature: number
  readonly topP: number
  readonly codec: TextCodec
  readonly prompt: Prompt
  readonly logprobs: boolean
}

type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

/** What changes in the course of an answer. */
export interface ResponseProgress {
  readonly output: readonly object[]
  /** Null: it is being made. */
  readonly finish: AnswerFinish | null
  readonly error: MoeError | null
  readonly completedAt: number | null
}

export const NOT_BEGUN: ResponseProgress = { output: [], finish: null, error: null, completedAt: null }

/** OpenAI's Response. Every field is there, those of what this server does not have with the values that OpenAI gives where they are not used. */
export function responseObject(view: ResponseView, { output, finish, error, completedAt }: ResponseProgress) {
  const { request } = view
  const status = error !== null ? 'failed' : finish === null ? 'in_progress' : finish.reason === 'length' ? 'incomplete' : 'completed'
  return {
    id: `resp_${view.requestId}`,
    object: 'response',
    created_at: view.createdAt,
    status,
    completed_at: status === 'completed' ? completedAt : null,
    background: false,
    error: error === null ? null : responseError(error),
    incomplete_details: finish?.reason === 'length' ? { reason: 'max_output_tokens' } : null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: null,
    model: view.model,
    output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: 'default',
    store: false,
    temperature: view.temperature,
    text: { format: request.text?.format ?? { type: 'text' }, verbosity: 'medium' },
    tool_choice: request.tool_choice ?? 'auto',
    tools: (request.tools ?? []).map(({ type, name, description, parameters, strict }) => ({
      type,
      name,
      description: description ?? null,
      parameters: parameters ?? null,
      strict: strict ?? null,
    })),
    top_logprobs: request.top_logprobs ?? 0,
    top_p: view.topP,
    truncation: 'disabled',
    usage: finish && usageOf(view, finish),
    metadata: request.metadata ?? {},
  }
}

/** Its code is one of the few that OpenAI has for a response; ours stands in the message's envelope elsewhere. */
function responseError(error: MoeError): { readonly code: string; readonly message: string } {
  const { type, message } = errorEnvelope(error).error
  const code = type === 'rate_limit_error' ? 'rate_limit_exceeded' : type === 'invalid_request_error' ? 'invalid_prompt' : 'server_error'
  return { code, message }
}

function usageOf({ prompt }: ResponseView, { completionTokens, cachedTokens, reasoningTokens }: AnswerFinish) {
  return {
    input_tokens: prompt.ids.length,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: prompt.ids.length + completionTokens,
  }
}

/** The `at`-th item of an answer's output. */
export function outputItem(view: ResponseView, at: number, block: AnswerBlock, status: ItemStatus) {
  const id = itemId(view, at, block.kind)
  if (block.kind === 'tool') return { id, type: 'function_call', status, arguments: block.arguments, call_id: block.id, name: block.name }
  const content = status === 'in_progress' ? [] : [textPart(view, block)]
  return { id, type: 'message', status, content, role: 'assistant' }
}

export function itemId({ requestId }: ResponseView, at: number, kind: AnswerBlock['kind']): string {
  return `${kind === 'tool' ? 'fc' : 'msg'}_${requestId}_${at}`
}

export function textPart(view: ResponseView, { text, scored }: Extract<AnswerBlock, { kind: 'text' }>) {
  return { type: 'output_text', annotations: [], logprobs: view.logprobs ? chatLogprobs(view.codec, scored).content : [], text }
}
