import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createOpenApi } from '../workers/gateway/openapi/document.ts'

/** Where the reference stands. */
export const REFERENCE_FILE = new URL('../docs/api-reference.md', import.meta.url)

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly not?: object
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly pattern?: string
}

interface MediaType {
  readonly schema: Schema
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

interface Operation {
  readonly summary: string
  readonly description?: string
  readonly security: readonly Readonly<Record<string, unknown>>[]
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Readonly<Record<string, MediaType>> }>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const ACCESS: Readonly<Record<string, string>> = { bearerKey: 'a client’s key', adminKey: 'the operator’s key' }
const SAFE_INTEGER = Number.MAX_SAFE_INTEGER
/** A form that is longer than this in a table cell is left to the document. */
const FORM_CHARS_MAX = 240

/** docs/api-reference.md, made of the OpenAPI document. */
export function apiReference(): string {
  const document = JSON.parse(JSON.stringify(createOpenApi())) as Document
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const parts = [
    '# API reference',
    'Made of the OpenAPI document that a gateway serves at `/openapi.json`; `npm run docs` writes it. What fields mean together, streams and errors are in [api](design/api.md).',
    operations.map(({ path, method, operation }) => `- [\`${method.toUpperCase()} ${path}\`](#${anchor(method, path)}): ${operation.summary}`).join('\n'),
    ...operations.map(({ path, method, operation }) => section(document, path, method, operation)),
    '## Objects',
    'Components of the document, as answers have them.',
    ...Object.entries(document.components.schemas)
      .filter(([name]) => !name.endsWith('Request'))
      .map(([name, schema]) =>
        [`### ${name}`, schema.description, answerTable(document, schema)].filter((part) => part !== undefined && part !== '').join('\n\n'),
      ),
  ]
  return `${parts.join('\n\n')}\n`
}

function section(document: Document, path: string, method: string, { summary, description, security, requestBody, responses }: Operation): string {
  const keys = security.map((each) => ACCESS[Object.keys(each)[0] ?? '']).filter((key) => key !== undefined)
  const body = requestBody?.content['application/json']
  const parts = [`## ${method.toUpperCase()} ${path}`, `${summary}.${keys.length > 0 ? ` Asks for ${keys.join(' or ')}.` : ''}`]
  if (description !== undefined) parts.push(description)
  if (body !== undefined) {
    parts.push(requestTable(document, body.schema))
    for (const { value } of Object.values(body.examples ?? {})) parts.push(`\`\`\`json\n${JSON.stringify(value)}\n\`\`\``)
  }
  const answer = responses['200']
  if (answer !== undefined) parts.push(`**Answer.** ${answer.description} ${Object.entries(answer.content).map(([type, { schema }]) => `\`${type}\`: ${formOf(schema, true)}`).join('; ')}`) // prettier-ignore
  return parts.join('\n\n')
}

/** GitHub's anchor of a heading. */
function anchor(method: string, path: string): string {
  return `${method} ${path}`.toLowerCase().replaceAll(/[^a-z0-9_ -]/g, '').replaceAll(' ', '-') // prettier-ignore
}

/** A row a field, needed ones first. Null is not said: it means that the field is left out. */
function requestTable(document: Document, schema: Schema): string {
  const { properties = {}, required = [] } = resolve(document, schema)
  const needed = ([name]: readonly [string, unknown]) => Number(required.includes(name))
  const rows = Object.entries(properties)
    .toSorted((a, b) => needed(b) - needed(a))
    .map(
      ([name, field]) => `| \`${name}\`${required.includes(name) ? ' *' : ''} | ${cell(formOf(field, false))} | ${cell(describe(resolve(document, field)))} |`,
    )
  return ['| field (* needed) | form | |', '|---|---|---|', ...rows].join('\n')
}

/** A row a field; of a union a line a form. */
function answerTable(document: Document, schema: Schema): string {
  const { properties, required = [], oneOf, anyOf } = resolve(document, schema)
  if (properties === undefined) return (oneOf ?? anyOf ?? []).map((form) => `- ${formOf(form, true)}`).join('\n')
  const rows = Object.entries(properties).map(
    ([name, field]) => `| \`${name}\`${required.includes(name) ? '' : ' ?'} | ${cell(formOf(field, true))} | ${cell(describe(resolve(document, field)))} |`,
  )
  return ['| field (? not always) | form | |', '|---|---|---|', ...rows].join('\n')
}

function describe({ description, anyOf }: Schema): string {
  return description ?? anyOf?.find((form) => form.description !== undefined)?.description ?? ''
}

function resolve({ components }: Document, schema: Schema): Schema {
  return (schema.$ref === undefined ? undefined : components.schemas[nameOf(schema.$ref)]) ?? schema
}

function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1)
}

/** A schema in a few words, with or without null. */
function formOf(schema: Schema, nulls: boolean): string {
  const { $ref, anyOf, oneOf, enum: values, const: only, type, items, properties } = schema
  if ($ref !== undefined) return `[${nameOf($ref)}](#${nameOf($ref).toLowerCase()})`
  const forms = anyOf ?? oneOf
  if (forms !== undefined) {
    const shown = forms.filter((form) => (nulls || form.type !== 'null') && form.not === undefined).map((form) => formOf(form, nulls))
    return shorten([...new Set(shown)].join(' or ')) || 'null'
  }
  if (only !== undefined) return `\`${JSON.stringify(only)}\``
  if (values !== undefined) return values.map((value) => `\`${JSON.stringify(value)}\``).join(' or ')
  const types = (Array.isArray(type) ? (type as readonly string[]) : type === undefined ? [] : [type as string]).filter((each) => nulls || each !== 'null')
  if (types.length === 0) return type === undefined ? 'anything' : 'null'
  if (types[0] === 'array' && schema.maxItems === 0) return '`[]`'
  if (types[0] === 'object' && schema.maxProperties === 0) return '`{}`'
  if (types[0] === 'array') return `list${countOf(schema.minItems, schema.maxItems)} of ${items === undefined ? 'anything' : formOf(items, nulls)}`
  if (types[0] === 'object' && properties !== undefined) return shorten(`{${Object.entries(properties).map(([name, field]) => `${name}: ${formOf(field, nulls)}`).join(', ')}}`) // prettier-ignore
  return `${types.join(' or ')}${boundsOf(schema)}`
}

function shorten(form: string): string {
  return form.length > FORM_CHARS_MAX ? 'object' : form
}

function boundsOf({ type, minimum, maximum, minLength, maxLength, maxProperties, pattern }: Schema): string {
  if (type === 'string') return `${countOf(minLength, maxLength)}${pattern === undefined ? '' : ` \`${pattern}\``}`
  if (maxProperties !== undefined) return `, at most ${maxProperties}`
  const least = minimum === undefined || minimum <= -SAFE_INTEGER ? '' : `${minimum}`
  const most = maximum === undefined || maximum >= SAFE_INTEGER ? '' : `${maximum}`
  if (least === '' && most === '') return ''
  return most === '' ? `, ${least} or more` : least === '' ? `, at most ${most}` : `, ${least} to ${most}`
}

function countOf(min: number | undefined, max: number | undefined): string {
  if (min === undefined && max === undefined) return ''
  return max === undefined ? ` (${min} or more)` : ` (${min ?? 0} to ${max})`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(REFERENCE_FILE, apiReference())
