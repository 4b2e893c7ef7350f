import { echo } from '../../shared/protocol/echo.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { convertSchema } from './schema/convert-schema.ts'
import { anyObject } from './schema/json-rules.ts'
import { createRules } from './schema/rules.ts'
import { SchemaFault } from './schema/schema-fault.ts'
import { isObject } from './schema/schema-reader.ts'
import type { JsonValue } from './schema/schema-reader.ts'
import { convertTag } from './structural-tag.ts'

/** A grammar in a language that xgrammar compiles: its EBNF, or JSON of a structural tag. */
export interface GrammarText {
  readonly language: 'ebnf' | 'tag'
  readonly text: string
}

/** Writes what a request asks for as a grammar. Errors: `invalid-request`, with the keyword that cannot be enforced, or the bound that is passed. */
export function grammarText(spec: GrammarSpec): Result<GrammarText, MoeError> {
  const param = spec.kind === 'structural-tag' ? 'tools' : 'response_format'
  try {
    return ok(write(spec))
  } catch (fault) {
    if (!(fault instanceof SchemaFault)) throw fault
    return fail('invalid-request', `The schema's keyword '${echo(fault.keyword)}' cannot be enforced: ${fault.message}.`, {
      param,
      reason: 'unsupported_parameter',
    })
  }
}

function write(spec: GrammarSpec): GrammarText {
  switch (spec.kind) {
    case 'json-object': {
      const rules = createRules()
      return { language: 'ebnf', text: rules.text(anyObject(rules)) }
    }
    case 'json-schema':
      return { language: 'ebnf', text: schemaText(parseBounded(spec.schema)) }
    case 'structural-tag':
      return { language: 'tag', text: JSON.stringify(convertTag(parseBounded(spec.tag), schemaText)) }
  }
}

function schemaText(schema: JsonValue): string {
  const rules = createRules()
  return rules.text(convertSchema(rules, schema))
}

function parseBounded(text: string): JsonValue {
  if (text.length > LIMITS.schemaCharsMax) throw new SchemaFault('schema', `it has at most ${LIMITS.schemaCharsMax} characters`)
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    throw new SchemaFault('schema', 'it is not JSON')
  }
  let values = 0
  const visit = (at: JsonValue, depth: number): void => {
    if (depth > LIMITS.schemaDepthMax) throw new SchemaFault('schema', `it is nested more than ${LIMITS.schemaDepthMax} deep`)
    if (++values > LIMITS.schemaValuesMax) throw new SchemaFault('schema', `it has more than ${LIMITS.schemaValuesMax} values`)
    if (Array.isArray(at)) for (const item of at as readonly JsonValue[]) visit(item, depth + 1)
    else if (isObject(at)) for (const item of Object.values(at)) visit(item, depth + 1)
  }
  visit(value, 0)
  return value
}
