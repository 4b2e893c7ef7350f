import { beforeAll, describe, expect, it } from 'vitest'
import { BYTES, BYTES_STOP, loadXgrammar } from '../../test/fixtures/load-xgrammar.ts'
import { EMPTY_GRAMMAR } from '../../shared/protocol/grammar-api.ts'
import { MIB } from '../../shared/protocol/limits.ts'
import { grammarText } from './grammar-text.ts'
import { createXgrammar } from './xgrammar.ts'
import type { Xgrammar } from './xgrammar.ts'

let xgrammar: Xgrammar

beforeAll(async () => {
  xgrammar = await createXgrammar(await loadXgrammar(64 * MIB), BYTES, [BYTES_STOP])
})

const weather = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const call = (name: string, schema: unknown) => ({
  type: 'tag',
  begin: `<tool_call>\n{"name": "${name}", "arguments": `,
  content: { type: 'json_schema', json_schema: schema },
  end: '}\n</tool_call>',
})

function accepts(format: unknown, text: string): boolean {
  const written = grammarText({ kind: 'structural-tag', tag: JSON.stringify({ type: 'structural_tag', format }), special: [] })
  if (!written.ok) throw new Error(written.error.message)
  const grammar = xgrammar.compile(written.value)
  const matcher = grammar.match([])
  const whole = [...new TextEncoder().encode(text), BYTES_STOP].every((id) => matcher.accept(id))
  matcher.dispose()
  grammar.dispose()
  return whole
}

it('[GR1] text is free until a trigger, behind it the schema holds, and then text is free again', () => {
  const format = { type: 'triggered_tags', triggers: ['<tool_call>'], tags: [call('weather', weather), call('time', { type: 'object', properties: {} })] }
  const said = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bern"}}\n</tool_call>'
  expect(accepts(format, 'no call at all')).toBe(true)
  expect(accepts(format, `Let me look. ${said}`)).toBe(true)
  expect(accepts(format, `${said}\n${said} done`)).toBe(true)
  expect(accepts(format, said.replace('"Bern"', '3'))).toBe(false)
  expect(accepts(format, said.replace('weather', 'news'))).toBe(false)
})

it('[GR1] a call can be asked for, and one alone', () => {
  const format = { type: 'triggered_tags', triggers: ['<tool_call>'], tags: [call('weather', weather)], at_least_one: true, stop_after_first: true }
  const said = '<tool_call>\n{"name": "weather", "arguments": {"city": "Bern"}}\n</tool_call>'
  expect(accepts(format, said)).toBe(true)
  expect(accepts(format, 'text')).toBe(false)
  expect(accepts(format, said + said)).toBe(false)
})

it('[GR1] sequences, choices and separators', () => {
  const tag = { type: 'tag', begin: '<a>', content: { type: 'json_schema', json_schema: { type: 'integer', minimum: 3 } }, end: '</a>' }
  expect(accepts({ type: 'sequence', elements: [{ type: 'const_string', value: 'x' }, tag] }, 'x<a>3</a>')).toBe(true)
  expect(accepts({ type: 'sequence', elements: [{ type: 'const_string', value: 'x' }, tag] }, 'x<a>2</a>')).toBe(false)
  expect(accepts({ type: 'or', elements: [{ type: 'const_string', value: 'x' }, tag] }, '<a>4</a>')).toBe(true)
  expect(accepts({ type: 'tags_with_separator', tags: [tag], separator: ',', at_least_one: true }, '<a>4</a>,<a>5</a>')).toBe(true)
})

it('[GR1] what is optional is one of two, the other of which is nothing', () => {
  const field = { type: 'tag', begin: '<a>', content: { type: 'any_text' }, end: '</a>' }
  const maybe = { type: 'or', elements: [field, { type: 'grammar', grammar: EMPTY_GRAMMAR }] }
  const format = { type: 'tag', begin: '<f>', content: { type: 'sequence', elements: [maybe, { type: 'const_string', value: '.' }] }, end: '</f>' }
  expect(['<f><a>x</a>.</f>', '<f>.</f>', '<f>x.</f>'].map((text) => accepts(format, text))).toEqual([true, true, false])
})

it('[GR1] special tokens write their names where the grammar names them, and nowhere else', async () => {
  const mark = '[CALL]'
  const [MARK, OTHER, STOP] = [256, 257, 258]
  const names = new Map([
    [MARK, mark],
    [OTHER, '[OTHER]'],
    [STOP, '</s>'],
  ])
  const bytes = (id: number): Uint8Array => (id < 256 ? Uint8Array.of(id) : new TextEncoder().encode(names.get(id)))
  const marked = await createXgrammar(await loadXgrammar(64 * MIB), { size: 259, special: [MARK, OTHER, STOP], bytes }, [STOP])
  const format = { type: 'triggered_tags', triggers: [mark], tags: [{ ...call('weather', weather), begin: `${mark}weather` }] }
  const written = grammarText({ kind: 'structural-tag', tag: JSON.stringify({ type: 'structural_tag', format }), special: [MARK] })
  if (!written.ok) throw new Error(written.error.message)
  const grammar = marked.compile(written.value)
  const allows = (mask: Uint8Array) => [MARK, OTHER, STOP].map((id) => (mask[id >> 3]! >> (id & 7)) & 1)
  const named = grammar.match([MARK])
  expect(allows(named.allowed())).toEqual([1, 0, 1])
  expect([named.accept(OTHER), named.accept(MARK), named.accept('w'.charCodeAt(0))]).toEqual([false, true, true])
  expect(allows(named.allowed())).toEqual([0, 0, 0])
  expect(allows(grammar.match([]).allowed())).toEqual([0, 0, 1])
})

describe('[GR2] a structural tag is checked field by field', () => {
  const REFUSED: readonly (readonly [field: string, tag: unknown])[] = [
    ['format', []],
    ['format', { format: { type: 'any_text' } }],
    ['grammar', { type: 'structural_tag', format: { type: 'grammar', grammar: 'root ::= "a"' } }],
    ['type', { type: 'structural_tag', format: { type: 'regex', pattern: 'a' } }],
    ['type', { type: 'structural_tag', format: { type: 'constructor' } }],
    ['x', { type: 'structural_tag', format: { type: 'any_text', x: 1 } }],
    ['tags', { type: 'structural_tag', format: { type: 'triggered_tags', triggers: ['<'], tags: [] } }],
    ['tags', { type: 'structural_tag', format: { type: 'tags_with_separator', tags: [{ begin: 'a' }], separator: '' } }],
    ['triggers', { type: 'structural_tag', format: { type: 'triggered_tags', triggers: 'a', tags: [call('a', true)] } }],
    ['elements', { type: 'structural_tag', format: { type: 'sequence', elements: [] } }],
    ['value', { type: 'structural_tag', format: { type: 'const_string', value: 3 } }],
    ['not', { type: 'structural_tag', format: { type: 'json_schema', json_schema: { not: true } } }],
  ]
  it.each(REFUSED)('%s', (field, tag) => {
    const text = grammarText({ kind: 'structural-tag', tag: JSON.stringify(tag), special: [] })
    expect(text).toMatchObject({ ok: false, error: { code: 'invalid-request', details: { param: 'tools' } } })
    if (!text.ok) expect(text.error.message).toContain(`'${field}'`)
  })
})
