import { echo } from '../../../shared/protocol/echo.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { atMost, exactly } from './bounded-repeat.ts'
import { anyString, stringCharacter, stringRest } from './json-rules.ts'
import { patternGrammar } from './pattern.ts'
import type { Rules } from './rules.ts'
import { SchemaFault } from './schema-fault.ts'

export interface StringKeywords {
  readonly minLength: number
  /** Null: none. */
  readonly maxLength: number | null
  readonly pattern: string | null
  readonly format: string | null
}

const DATE = '(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])))'
const TIME = '(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))'
const BYTE = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?'
const HOST = `${LABEL}(?:\\.${LABEL}){1,3}`

/** What is written for a format: strings that every validator takes, not all that a lenient one would (no 29 February, no leap second, no IPv6 with `::`). */
const FORMATS: Readonly<Record<string, string>> = {
  date: `^${DATE}$`,
  time: `^${TIME}$`,
  'date-time': `^${DATE}T${TIME}$`,
  duration: '^P(?:[1-9][0-9]{0,3}W|[1-9][0-9]{0,3}D|(?:[1-9][0-9]{0,3}D)?T(?:[1-9][0-9]{0,3}H)?(?:[1-9][0-9]{0,3}M)?[1-9][0-9]{0,3}S)$',
  email: `^[a-z0-9_+-]{1,32}(?:\\.[a-z0-9_+-]{1,16}){0,2}@${HOST}$`,
  hostname: `^${HOST}$`,
  ipv4: `^${BYTE}(?:\\.${BYTE}){3}$`,
  ipv6: '^[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}$',
  uuid: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
  uri: `^https?://${HOST}(?::[1-9][0-9]{0,3})?(?:/[A-Za-z0-9._~-]{0,64}){0,16}(?:\\?[A-Za-z0-9._~=&-]{0,128})?$`,
}

/** A string with its quotes. Lengths count code points, as JSON Schema does. */
export function stringGrammar(rules: Rules, { minLength, maxLength, pattern, format }: StringKeywords): string {
  const isMeasured = minLength > 0 || maxLength !== null
  if (pattern === null && format === null) return isMeasured ? measuredString(rules, minLength, maxLength) : anyString(rules)
  if (isMeasured) throw new SchemaFault(minLength > 0 ? 'minLength' : 'maxLength', 'it is not supported beside pattern or format')
  if (pattern !== null && format !== null) throw new SchemaFault('format', 'it is not supported beside pattern')
  return rules.rule(`"\\"" ${patternGrammar(rules, pattern ?? formatPattern(format!))} "\\""`)
}

function measuredString(rules: Rules, min: number, max: number | null): string {
  if (Math.max(min, max ?? 0) > LIMITS.schemaStringLengthMax)
    throw new SchemaFault(min > LIMITS.schemaStringLengthMax ? 'minLength' : 'maxLength', `it is ${LIMITS.schemaStringLengthMax} at most`)
  if (max !== null && min > max) throw new SchemaFault('minLength', 'it is larger than maxLength')
  const character = stringCharacter(rules)
  const rest = max === null ? stringRest(rules) : `${atMost(rules, character, max - min)} "\\""`
  return rules.rule(`"\\"" ${exactly(rules, character, min)} ${rest}`)
}

function formatPattern(format: string): string {
  if (!Object.hasOwn(FORMATS, format)) throw new SchemaFault('format', `'${echo(format)}' is not one of ${Object.keys(FORMATS).join(', ')}`)
  return FORMATS[format]!
}
