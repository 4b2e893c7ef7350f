import type { z } from 'zod'
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject } from 'zod-openapi'
import { EXPOSED_HEADERS } from '../access/rate-headers.ts'
import { AnthropicErrorBody, ErrorBody } from './answers/errors.ts'

/** What a route does, in words and schemas. It stands beside the route's handler, and in paths.ts. */
export interface Description {
  /** The operation's id: the handler's name. */
  readonly id: string
  readonly tag: 'Generation' | 'Models and tokens' | 'Operation'
  readonly summary: string
  readonly details?: string
  /** Whose key it asks for. */
  readonly access: 'client' | 'admin' | 'none'
  readonly params?: z.ZodObject
  /** The schema that validates the body, and bodies that show it. */
  readonly request?: { readonly schema: z.ZodType; readonly examples: Readonly<Record<string, object>> }
  /** The answer in JSON, or a text of this type. */
  readonly answer: z.ZodType | { readonly contentType: string; readonly text: string }
  /** One event of the answer's stream: what its `data` is. */
  readonly event?: z.ZodType
  /** Whether errors are Anthropic's. */
  readonly anthropic?: true
}

const SECURITY = {
  client: [{ bearerKey: [] }, { headerKey: [] }],
  admin: [{ adminKey: [] }, { adminHeaderKey: [] }],
  none: [],
} satisfies Record<Description['access'], Record<string, string[]>[]>

export function operationOf({ id, tag, summary, details, access, params, request, answer, event, anthropic }: Description): ZodOpenApiOperationObject {
  const examples = Object.fromEntries(Object.entries(request?.examples ?? {}).map(([name, value]) => [name, { value }]))
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(details !== undefined && { description: details }),
    security: SECURITY[access],
    ...(params && { requestParams: { path: params } }),
    ...(request && { requestBody: { required: true, content: { 'application/json': { schema: request.schema, examples } } } }),
    responses: {
      200: answerOf(answer, event, access),
      default: {
        description: 'What went wrong. `retry-after` stands on what may be tried again.',
        content: { 'application/json': { schema: anthropic ? AnthropicErrorBody : ErrorBody } },
      },
    },
  }
}

function answerOf(answer: Description['answer'], event: z.ZodType | undefined, access: Description['access']): ZodOpenApiResponseObject {
  const header = (description: string) => ({ description, schema: { type: 'string' as const } })
  const rates = access === 'client' ? EXPOSED_HEADERS.filter((name) => name.startsWith('x-ratelimit-')) : []
  const headers = {
    'x-request-id': header('Names the request, in logs too.'),
    ...Object.fromEntries(rates.map((name) => [name, header('As OpenAI has it, where the key has this limit.')])),
  }
  if ('contentType' in answer) {
    return { description: answer.text, headers, content: { [answer.contentType]: { schema: { type: 'string' } } } }
  }
  return {
    description: event ? 'The answer; with `stream: true` server-sent events, each of whose `data` is as below.' : 'The answer.',
    headers,
    content: { 'application/json': { schema: answer }, ...(event && { 'text/event-stream': { schema: event } }) },
  }
}
