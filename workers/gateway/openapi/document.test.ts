import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { HOST_LOST, scripted } from '../../../test/contract/fake-engine.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'
import type { TestGatewayOptions } from '../../../test/contract/test-gateway.ts'
import { doorOf } from '../access/judge-access.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { createOpenApi } from './document.ts'
import type { Description } from './operation.ts'
import { PATHS } from './paths.ts'

const document = JSON.parse(JSON.stringify(createOpenApi())) as ReturnType<typeof createOpenApi>
const ajv = new Ajv2020({ strict: false, allErrors: false })
ajv.addSchema(document, 'api')

type Content = 'application/json' | 'text/event-stream'
const described = Object.entries(PATHS).flatMap(([path, methods]) => Object.entries(methods).map(([method, description]) => ({ path, method, ...description })))
const withBody = described.filter((each): each is typeof each & Required<Pick<Description, 'request'>> => each.request !== undefined)

const pointer = (...keys: string[]) => keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
const compiled = new Map<string, ValidateFunction>()

function validatorAt(...keys: string[]): ValidateFunction {
  const at = pointer(...keys)
  const validate = compiled.get(at) ?? ajv.compile({ $ref: `api#${at}` })
  compiled.set(at, validate)
  return validate
}

const requestValidator = (path: string) => validatorAt('paths', path, 'post', 'requestBody', 'content', 'application/json', 'schema')
const answerValidator = (path: string, method: string, status: string, type: Content = 'application/json') =>
  validatorAt('paths', path, method, 'responses', status, 'content', type, 'schema')

function expectValid(validate: ValidateFunction, value: unknown): void {
  expect(validate(value), `${JSON.stringify(value).slice(0, 400)} ${JSON.stringify(validate.errors)}`).toBe(true)
}

/** The JSON of a stream's events; `[DONE]` is none. */
async function dataOf(response: Response): Promise<unknown[]> {
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: {'))
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as unknown)
}

describe('the OpenAPI document', () => {
  it('[AP15] is valid OpenAPI 3.1 and is what /openapi.json answers', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>)
    expect(errors ?? []).toEqual([])
    expect(valid).toBe(true)
    const response = await testGateway().app.request('/openapi.json')
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual(document)
  })

  it('[AP15] lists every route and no other: a new one is described beside its handler and named in paths.ts', () => {
    const { app } = testGateway()
    const routes = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path.replaceAll(/:([a-z]+)/g, '{$1}')}`)
    const documented = described.map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    expect(documented.toSorted()).toEqual([...new Set(routes)].toSorted())
    expect(new Set(described.map(({ id }) => id)).size).toBe(described.length)
  })

  it('[AP15] says whose key a route asks for', () => {
    const access = { open: 'none', health: 'none', api: 'client', admin: 'admin' } as const
    for (const { path, access: said } of described) expect(said, path).toBe(access[doorOf(path)])
  })

  it('[AP15] says of every field what it may be: where a schema reads by hand, `meta` beside it does', () => {
    for (const { path } of withBody) expect(Object.keys(bodyOf(path).properties ?? {}).length).toBeGreaterThan(0)
    expect(silentFields(document, '')).toEqual([])
  })

  it.each(withBody)('[AP16] $path: what the server takes, the document allows', ({ path, request }) => {
    const validate = requestValidator(path)
    let taken = 0
    for (const body of variants(Object.values(request.examples), Object.keys(bodyOf(path).properties ?? {}))) {
      if (!parseRequest(request.schema, body).ok) continue
      taken++
      expectValid(validate, body)
    }
    expect(taken).toBeGreaterThan(10)
  })

  it.each(withBody)('[AP16] $path: what the document allows, the server takes, but for rules between fields', ({ path, request }) => {
    const validate = requestValidator(path)
    for (const body of variants(Object.values(request.examples).slice(0, 1), Object.keys(bodyOf(path).properties ?? {}))) {
      if (!validate(body)) continue
      const parsed = parseRequest(request.schema, body)
      if (parsed.ok) continue
      expect(BETWEEN_FIELDS, parsed.error.message).toContain('param' in parsed.error.details ? parsed.error.details.param : null)
    }
  })

  it.each(withBody)('[AP16] $path: its examples are answered as the document says, streams and errors too', async ({ path, method, request, event }) => {
    const make = (options: TestGatewayOptions = {}) => testGateway({ nextToken: scripted(demoCodec().encode('Hi 🙂!', false), 2), ...options })
    for (const example of Object.values(request.examples)) {
      const whole = await make().post(path, { ...example, ...(event && { stream: false, stream_options: undefined }) })
      expect(whole.status, await whole.clone().text()).toBe(200)
      expectValid(answerValidator(path, method, '200'), await whole.json())
      if (event === undefined) continue
      const data = await dataOf(await make().post(path, { ...example, stream: true }))
      const broken = await dataOf(await make({ failure: { afterSteps: 1, error: HOST_LOST } }).post(path, { ...example, stream: true }))
      expect(data.length).toBeGreaterThan(1)
      for (const each of [...data, ...broken]) expectValid(answerValidator(path, method, '200', 'text/event-stream'), each)
    }
    const refused = await make().post(path, { nonsense: true })
    expect(refused.status).toBe(400)
    expectValid(answerValidator(path, method, 'default'), await refused.json())
  })

  it.each(['/health', '/v1/models', '/v1/models/{id}', '/admin/state'])('[AP16] GET %s is answered as the document says', async (path) => {
    const response = await testGateway().app.request(path.replace('{id}', 'isomoe-demo'))
    expect(response.status).toBe(200)
    expectValid(answerValidator(path, 'get', '200'), await response.json())
  })

  it('[AP16] log-probabilities, timings and token ids are answered as the document says', async () => {
    const more = { return_token_ids: true, timings: true, n: 2 }
    const chat = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }], logprobs: true, top_logprobs: 2, ...more }
    const completion = { model: 'isomoe-demo', prompt: 'Once', logprobs: 2, echo: true, ...more }
    const response = { model: 'isomoe-demo', input: 'hi', top_logprobs: 2 }
    for (const [path, body] of [
      ['/v1/chat/completions', chat],
      ['/v1/completions', completion],
      ['/v1/responses', response],
    ] as const) {
      // prettier-ignore
      const make = () => testGateway({ nextToken: scripted(demoCodec().encode('Hi 🙂!', false), 2) })
      expectValid(answerValidator(path, 'post', '200'), await (await make().post(path, body)).json())
      for (const each of await dataOf(await make().post(path, { ...body, stream: true }))) {
        expectValid(answerValidator(path, 'post', '200', 'text/event-stream'), each)
      }
    }
    expect(await outcome(testGateway().post('/v1/chat/completions', { ...chat, n: 0 }))).toMatchObject({ status: 400 })
  })
})

/** Fields that are right or wrong by what others say, which a schema of fields does not tell. */
const BETWEEN_FIELDS: readonly (string | null)[] = ['stream_options', 'top_logprobs', 'max_tokens', 'best_of', 'prompt', 'tool_choice']

interface BodySchema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, unknown>>
}

/** The schema of a path's request body. */
function bodyOf(path: string): BodySchema {
  const body = document.paths?.[path]?.post?.requestBody as { readonly content: Readonly<Record<string, { readonly schema: BodySchema }>> } | undefined
  const schema = body?.content['application/json']?.schema
  if (schema?.$ref === undefined) return schema ?? {}
  return (document.components?.schemas?.[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)] ?? {}) as BodySchema
}

/** Paths of the fields, at any depth, of which a schema says nothing. */
function silentFields(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const properties = 'properties' in schema ? Object.entries(schema.properties as object) : []
  const silent = properties.filter(([, field]) => Object.keys(field as object).length === 0).map(([name]) => `${path}.${name}`)
  return [...silent, ...Object.entries(schema).flatMap(([key, part]) => silentFields(part, `${path}.${key}`))]
}

/** Values that some field or other takes, and some that none does. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  -1,
  0,
  0.5,
  1,
  2,
  64,
  1025,
  1e15,
  '',
  'auto',
  'none',
  'low',
  'a text',
  [],
  ['a', 'b'],
  ['', 'b'],
  ['text'],
  [1, 2],
  [[1], [2, 3]],
  [[]],
  {},
  { 5: 1 },
  { '05': 1 },
  { type: 'text' },
  { type: 'json_object' },
  { type: 'none' },
  { type: 'auto', disable_parallel_tool_use: true },
  { type: 'disabled' },
  { effort: 'none' },
  { effort: 'high' },
  { format: { type: 'json_schema', name: 'x', schema: {} } },
  { format: { type: 'json_schema', schema: {} } },
  { include_usage: true },
  { a: 'b' },
  [{ role: 'user', content: 'hi' }],
  [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
  [{ role: 'user', content: [{ type: 'input_text', text: 'hi' }] }],
  [{ role: 'user', content: [{ type: 'image', source: {} }] }],
  [{ role: 'user', content: 'hi', name: null, tool_calls: [] }],
  [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: { a: 1 } }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a' }] }], // prettier-ignore
  [{ type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' }, { type: 'function_call_output', call_id: 'a', output: 'x' }], // prettier-ignore
  [{ type: 'function', name: 'f', parameters: { type: 'object' } }],
  [{ role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] }, { role: 'tool', tool_call_id: 'a', content: 'x' }], // prettier-ignore
  [{ type: 'function', function: { name: 'f' } }],
  [{ name: 'f', input_schema: { type: 'object' } }],
  [{ type: 'web_search' }],
  [{ layer: 0, expert: 1, replicas: 2 }],
  [{ layer: 0, expert: 1, hosts: ['expert-00'] }],
]

/** Each example with each of its fields set to each value, and without it. */
function* variants(examples: readonly object[], fields: readonly string[]): Generator<Record<string, unknown>> {
  for (const example of examples) {
    yield { ...example }
    for (const field of [...fields, 'nonsense']) {
      const { [field as never]: _, ...without } = { ...example } as Record<string, unknown>
      yield without
      for (const value of VALUES) yield { ...without, [field]: value }
    }
  }
}
