import { Agent, request } from 'node:http'
import { uniform } from '../../shared/core/random.ts'

const MODEL = 'isomoe-demo'
/** In each prompt, and in the key that each request brings: neither may be found anywhere afterwards. */
export const MARK = 'Xq7Zv'
const TEXT = `Once ${MARK} upon a time`
const MESSAGES = [{ role: 'user', content: TEXT }]
const SCHEMA = { type: 'object', properties: { a: { enum: [1, 2] } }, required: ['a'], additionalProperties: false }
const TOOL = { type: 'function', function: { name: 'look', description: MARK, parameters: SCHEMA } }

/** When the client leaves: as soon as its request is written, at the first byte of the answer, or not at all. */
type Leaving = 'before' | 'first byte' | 'never'

export interface SoakRequest {
  readonly path: string
  readonly body: object
  readonly leaving: Leaving
}

/** The i-th request of a seed: any of the endpoints that generate, plain, constrained or with tools, short or long, streamed or not, left at any time. */
export function soakRequest(seed: number, i: number): SoakRequest {
  const draw = (of: number, what: number) => Math.floor(uniform(seed, i, what) * of)
  const form = FORMS[draw(FORMS.length, 0)]!
  const leaving = (['before', 'first byte', 'never'] as const)[draw(3, 1)]!
  // One that is left early has more to do than its client waits for.
  const tokens = leaving !== 'never' ? 10 + draw(40, 2) : 1 + draw(8, 2)
  return { path: form.path, body: { model: MODEL, seed: draw(1000, 3), stream: draw(2, 4) === 1, ...form.fields(tokens, draw(3, 5)) }, leaving }
}

interface Form {
  readonly path: string
  /** @param few 0 to 2. */
  readonly fields: (tokens: number, few: number) => object
}

const FORMS: readonly Form[] = [
  { path: '/v1/completions', fields: (max_tokens, few) => ({ prompt: Array(few + 1).fill(TEXT), max_tokens, ignore_eos: true }) },
  { path: '/v1/completions', fields: (max_tokens) => ({ prompt: TEXT.repeat(20), max_tokens, echo: true, logprobs: 5 }) },
  { path: '/v1/completions', fields: (max_tokens) => ({ prompt: TEXT, max_tokens, stop: ['e'], logit_bias: { 5: 10 } }) },
  { path: '/v1/chat/completions', fields: (max_tokens, few) => ({ messages: MESSAGES, max_tokens, n: few + 1 }) },
  { path: '/v1/chat/completions', fields: (max_tokens) => ({ messages: MESSAGES, max_tokens, response_format: { type: 'json_object' } }) },
  {
    path: '/v1/chat/completions',
    fields: (max_tokens) => ({ messages: MESSAGES, max_tokens, response_format: { type: 'json_schema', json_schema: { name: 'a', schema: SCHEMA } } }),
  },
  { path: '/v1/chat/completions', fields: (max_tokens) => ({ messages: MESSAGES, max_tokens, tools: [TOOL], tool_choice: 'required' }) },
  { path: '/v1/responses', fields: (max_output_tokens) => ({ input: TEXT, max_output_tokens }) },
  { path: '/v1/messages', fields: (max_tokens) => ({ messages: MESSAGES, max_tokens }) },
]

const agent = new Agent({ keepAlive: false })

/** Plays it on a connection of its own. Gives the status, or null where the client left before it. */
export function play(url: string, { path, body, leaving }: SoakRequest): Promise<number | null> {
  return new Promise((done) => {
    let status: number | null = null
    const sent = request(url + path, { method: 'POST', agent, headers: { 'content-type': 'application/json', authorization: `Bearer imk_${MARK}` } })
    sent.on('response', (answer) => {
      status = answer.statusCode ?? null
      answer.on('data', () => {
        if (leaving === 'first byte') answer.destroy()
      })
      answer.on('error', () => undefined) // it is ours to leave
    })
    sent.on('finish', () => {
      if (leaving === 'before') setImmediate(() => sent.destroy())
    })
    sent.on('error', () => undefined)
    sent.on('close', () => done(status))
    sent.end(JSON.stringify(body))
  })
}
