import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Usage } from './request-record.ts'

const count = z.int().min(0).max(1e9)
const text = z.string().nullish()

/** What we read of a streamed chunk, of either API. Servers add fields, and some send `choices: null`. */
const Chunk = z.object({
  choices: z
    .array(
      z.object({
        text,
        token_ids: z.array(z.int()).nullish(),
        delta: z.object({ content: text, reasoning_content: text, reasoning: text, tool_calls: z.array(z.unknown()).nullish() }).nullish(),
        finish_reason: text,
      }),
    )
    .nullish(),
  usage: z.object({ prompt_tokens: count, completion_tokens: count, prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish() }).nullish(),
  error: z.union([z.object({ code: z.union([z.string(), z.number()]).nullish(), type: text, message: text }), z.string()]).nullish(),
})

type Chunk = z.output<typeof Chunk>

/** One server-sent event of an answer, as far as a measuring client cares. */
export interface AnswerEvent {
  /** Output that came with it; empty where it is a role, a finish reason or usage. */
  readonly text: string
  /** Null where the server sends none. */
  readonly tokenIds: readonly number[] | null
  readonly finishReason: string | null
  readonly usage: Usage | null
  readonly done: boolean
}

/** Why an answer cannot be read on. `code` is the server's own where it sent an error. */
export class AnswerFault extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

/**
 * Reads the events of a streamed answer, however the bytes are cut. `feed` throws an AnswerFault for an error event, for what is not JSON or not a chunk,
 * and where an event is larger than LIMITS.loadEventCharsMax: nothing is kept beyond that. SPEC LT4.
 */
export function createAnswerReader(onEvent: (event: AnswerEvent) => void): { feed(bytes: Uint8Array): void } {
  const decoder = new TextDecoder()
  let fault: AnswerFault | null = null
  const parser = createParser({
    maxBufferSize: LIMITS.loadEventCharsMax,
    onEvent: ({ data }) => {
      if (fault) return
      const event = readEvent(data)
      if (event instanceof AnswerFault) fault = event
      else onEvent(event)
    },
    onError: ({ type }) => {
      // Unknown fields are to be ignored (the standard says so); a buffer that is full ends it.
      if (type === 'max-buffer-size-exceeded') fault ??= new AnswerFault('event-too-large')
    },
  })
  return {
    feed(bytes) {
      parser.feed(decoder.decode(bytes, { stream: true }))
      if (fault) throw fault
    },
  }
}

const DONE: AnswerEvent = { text: '', tokenIds: null, finishReason: null, usage: null, done: true }

function readEvent(data: string): AnswerEvent | AnswerFault {
  if (data === '[DONE]') return DONE
  const chunk = Chunk.safeParse(parseJson(data))
  if (!chunk.success) return new AnswerFault('event-invalid')
  const { choices, usage, error } = chunk.data
  if (error !== undefined && error !== null) return new AnswerFault(`stream-error:${errorCode(error)}`)
  const ids = choices?.flatMap(({ token_ids }) => (token_ids ? [token_ids] : [])) ?? []
  return {
    text: choices?.map(textOf).join('') ?? '',
    tokenIds: ids.length > 0 ? ids.flat() : null,
    finishReason: choices?.find(({ finish_reason }) => finish_reason)?.finish_reason ?? null,
    usage: usage
      ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens, cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? null }
      : null,
    done: false,
  }
}

function textOf({ text: completion, delta }: NonNullable<Chunk['choices']>[number]): string {
  const calls = delta?.tool_calls?.length ? JSON.stringify(delta.tool_calls) : ''
  return (completion ?? '') + (delta?.reasoning_content ?? delta?.reasoning ?? '') + (delta?.content ?? '') + calls
}

/** The code of an OpenAI error object, else its type: at most 64 characters of a name's alphabet, as it becomes a key of reports. */
export function errorCode(error: unknown): string {
  const named = Chunk.shape.error.safeParse(error).data
  const code = named === null || named === undefined || typeof named === 'string' ? '' : String(named.code ?? named.type ?? '')
  return code.replace(/[^\w.-]/g, '_').slice(0, 64) || 'unnamed'
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined // no chunk is undefined: the schema refuses it
  }
}
