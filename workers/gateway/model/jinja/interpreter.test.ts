import { Template } from '@huggingface/jinja'
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../../../shared/protocol/limits.ts'
import { parseExactJson } from './exact-json.ts'
import { JinjaTemplate } from './jinja-template.ts'

const limits = { stepsMax: LIMITS.templateStepsMax, lengthMax: LIMITS.templateCharsMax, depthMax: LIMITS.templateDepthMax }
const NOW_MS = Date.UTC(2026, 10, 22, 14, 5, 9)
const FAILS = Symbol('fails')

function attempt(render: () => string): string | typeof FAILS {
  try {
    return render()
  } catch {
    return FAILS
  }
}

const ours = (source: string, variables = {}) => attempt(() => new JinjaTemplate(source).render(variables, NOW_MS, limits))
const library = (source: string, variables = {}) => attempt(() => new Template(source).render(variables))

describe('workarounds for the template library', () => {
  // [what, template, variables, Python's answer]: where the library gives it too, the workaround can go.
  it.each<[string, string, Record<string, unknown>, string | typeof FAILS]>([
    ['strip with an argument', "{{ x.strip('\\n') }}|{{ x.lstrip('\\n') }}|{{ x.rstrip('\\n') }}", { x: '\n a \n' }, ' a | a \n|\n a '],
    ['white space of Python', '{{ x|trim }}|{{ x.strip() }}', { x: '\u0085\u001ca\ufeff' }, 'a\ufeff|a\ufeff'],
    ['None in text', '{{ x }}|{{ "a" ~ x }}', { x: null }, 'None|aNone'],
    ['booleans in text', '{{ x }}|{{ x|string }}', { x: true }, 'True|True'],
    ['lists and dicts in text', '{{ x }}|{{ x|string }}', { x: ['a', { b: null }, "it's"] }, `['a', {'b': None}, "it's"]|['a', {'b': None}, "it's"]`],
    ['text filters on a list', '{{ x|upper }}', { x: ['a'] }, "['A']"],
    ['integer keys', '{% set d = {1: "a", 10: "b", 9: "c"} %}{{ d[10] }}{% for k, v in d|dictsort %}{{ k + 1 }}{{ v }} {% endfor %}', {}, 'b2a 10c 11b '],
    ['undefined as empty', '{{ x|trim }}{{ x|length }}{% for a in x %}a{% endfor %}', {}, '0'],
    ['None passes selectattr', '{{ x|selectattr("a")|list|length }}', { x: null }, '0'],
    ['tuples that unpack', '{% for a, b in [("x", 1), ("y", 2)] %}{{ a }}{{ b }}{% endfor %}', {}, 'x1y2'],
    ['lists in lists', '{{ [1] in [[1], 2] }}', {}, 'True'],
    ['equality by value', '{{ x == ["a"] }}{{ 1 == "1" }}{{ none == y }}', { x: ['a'] }, 'TrueFalseFalse'],
    ['text and a list', '{{ "a" + x }}', { x: ['b'] }, FAILS],
    ['attributes of nothing', '{{ x.y }}{{ x[0].y }}', { x: [] }, FAILS],
    ['JSON of nothing', '{{ x|tojson }}', {}, FAILS],
    ['methods before keys', '{% for k, v in x.items() %}{{ k }}{% endfor %}', { x: { items: 1 } }, 'items'],
    ['all arguments of a macro', '{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, a=none) }}', {}, "[1]{'a': None}"],
    ['characters of a text', '{% for c in "ab" %}{{ c }},{% endfor %}', {}, 'a,b,'],
  ])('[TX2] %s', (_, source, variables, python) => {
    expect(ours(source, variables)).toBe(python)
    expect(library(source, variables)).not.toBe(python)
  })

  it('[TX2] numbers of tool calls are written as Python writes them', () => {
    const text = '{"a": 6.0, "b": 3e-07, "c": 5e+16, "d": 1152921504606847019, "e": -0.0, "f": 0.0001, "g": 1e22, "h": -0, "i": 12.5}'
    const written = '{"a": 6.0, "b": 3e-07, "c": 5e+16, "d": 1152921504606847019, "e": -0.0, "f": 0.0001, "g": 1e+22, "h": 0, "i": 12.5}'
    expect(ours('{{ x|tojson }}', { x: parseExactJson(text) })).toBe(written)
    expect(library('{{ x|tojson }}', { x: JSON.parse(text) })).not.toBe(written)
  })

  it('[TX2] the clock is the one given, in English and UTC', () => {
    expect(ours('{{ strftime_now("%Y-%m-%d %H:%M:%S %d %b %B %A %-d %j %I %p %%") }}')).toBe('2026-11-22 14:05:09 22 Nov November Sunday 22 326 02 PM %')
    expect(library('{{ strftime_now("%A") }}')).toBe('%A')
    expect(attempt(() => new Template('').render({ strftime_now: () => '' }))).toBe(FAILS) // why the environment is built here
  })

  it('[TX2] repr escapes what Python escapes', () => {
    expect(ours('{{ x }}', { x: ['\\ \n\t\r', '\u00a0\u200b\u{e0001}', 'é🙂', `'"`] })).toBe(`['\\\\ \\n\\t\\r', '\\xa0\\u200b\\U000e0001', 'é🙂', '\\'"']`)
  })
})

describe('sandbox', () => {
  it.each([
    ['a long range', '{% for i in range(10**9) %}x{% endfor %}'],
    ['loops in loops', '{% for i in range(2000) %}{% for j in range(2000) %}{% for k in range(2000) %}{% endfor %}{% endfor %}{% endfor %}'],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}'],
    ['a macro that calls itself twice', '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}'],
    ['a text that doubles', '{% set ns = namespace(s="x") %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}'],
    ['a list that doubles', '{% set ns = namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}'],
    ['replacements', '{% set ns = namespace(s="xx") %}{% for i in range(9) %}{% set ns.s = ns.s.replace("x", ns.s) %}{% endfor %}'],
    ['the filter replace', '{% set ns = namespace(s="xxxxxxxx") %}{% for i in range(9) %}{% set ns.s = ns.s|replace("x", ns.s) %}{% endfor %}'],
    ['joins', '{% set ns = namespace(s="xx") %}{% for i in range(9) %}{% set ns.s = ns.s|join(ns.s) %}{% endfor %}'],
    ['indents', '{{ "a\\nb"|indent(10**9, true) }}'],
    [
      'indents of many lines',
      '{% set ns = namespace(s="\\n") %}{% for i in range(12) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|indent(4096, true, true) }}',
    ],
    ['indents of a block', '{% filter indent(300000000, true) %}x{% endfilter %}'],
    ['values that share parts, written', '{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}'],
    ['values that share parts, as JSON', '{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}'],
    [
      'values that share parts, compared',
      '{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}{{ ns.l == ns.m }}',
    ],
    [
      'lists of a long text, written',
      '{% set ns = namespace(s="0123456789abcdef", l=[]) %}{% for i in range(15) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{% for i in range(900) %}{% set ns.l = ns.l + [ns.s] %}{% endfor %}{{ ns.l }}',
    ],
    ['output', '{% for i in range(100000) %}{{ "0123456789012345678901234567890123456789" }}{% endfor %}'],
    [
      'texts kept',
      '{% set ns = namespace(s="0123456789abcdef", l=[]) %}{% for i in range(14) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{% for i in range(100000) %}{% set ns.l = ns.l + [ns.s|upper] %}{% endfor %}',
    ],
  ])('[TX3] ends %s with a named error', (_, source) => {
    expect(() => new JinjaTemplate(source).render({}, NOW_MS, limits)).toThrow(expect.objectContaining({ name: 'TemplateBoundError' }))
  })

  const grown = (first: string, doublings: number) =>
    `{% set ns = namespace(v=${first}) %}{% for i in range(${doublings}) %}{% set ns.v = ns.v + ns.v %}{% endfor %}{% set v = ns.v %}`
  const often = (body: string) => `{% for i in range(400) %}${body}{% endfor %}`
  // Each looks cheap by its nodes and by what it returns; the library's own loops do the work.
  it.each([
    ['a number that is none', `{{ "a"|indent(1 % 0) }}{% for i in range(400) %}{% for j in range(999) %}x{% endfor %}{% endfor %}`],
    ['loops over a list that is there already', `${grown('[1]', 16)}{% for i in range(9) %}{% for j in v %}{% endfor %}{% endfor %}`],
    ['slices of a list', grown('[1]', 16) + often('{% set x = v[::-1] %}')],
    ['empty slices of a text', grown("'x'", 17) + often('{% set x = v[0:0] %}')],
    ['strips to nothing', grown("'x'", 17) + often("{% set x = v.strip('x') %}")],
    ['trims to nothing', grown("'x'", 17) + often("{% set x = v|trim('x') %}")],
    ['numbers of a long text', grown("' '", 17) + often('{% set x = v|int %}')],
    ['tests of a long text', grown("'x'", 17) + often('{% set x = v is lower %}')],
    ['searches in a long text', grown("'x'", 17) + often("{% set x = 'y' in v %}")],
    ['searches for a long text', `${grown("'x'", 17)}{% set y = v[:50000] ~ 'y' ~ v[:50000] %}{% for i in range(9) %}{% set x = y in v %}{% endfor %}`],
    ['splits that find nothing', grown("'x'", 17) + often("{% set x = v.split(v ~ 'y') %}")],
    ['sorting long texts', `${grown("'x'", 17)}${grown('[v]', 8)}{% set x = v|sort %}`],
    ['sorting by long texts', `${grown("'x'", 17)}${grown("[{'a': v}]", 8)}{% set x = v|sort(attribute='a') %}`],
    ['selections of nothing', grown('[{}]', 16) + often("{% set x = v|selectattr('a') %}")],
    ['selections by long texts', `${grown("'x'", 17)}${grown("[{'a': v}]", 8)}{% set x = v|selectattr('a', 'lower') %}`],
    ['joins of nothing', grown("['']", 16) + often('{% set x = v|join %}')],
    ['namespaces of pairs', grown("[['a', 1]]", 16) + often('{% set x = namespace(v) %}')],
    ['arguments spread', `{% macro f() %}{{ varargs|length }}{% endmacro %}${grown('[1]', 15)}${often('{% set x = f(*v) %}')}`],
    ['equal texts', `${grown("'x'", 17)}{% set w = v[:9] ~ v[9:] %}${often('{% set x = v == w %}')}`],
    ['macros made again', `{% for i in range(99) %}{% macro f() %}${'{{ a }}'.repeat(9000)}{% endmacro %}{% endfor %}`],
    ['deep indents of JSON', '{% set ns = namespace(v=range(99999)) %}{% for i in range(99) %}{% set ns.v = [ns.v] %}{% endfor %}{{ ns.v|tojson(indent=16) }}'],
    ['long separators of JSON', `${grown("'x'", 17)}{{ range(3000)|tojson(separators=(v, ':')) }}`],
    ['long keys written', `${grown("'x'", 17)}${grown('[{v: 1}]', 10)}{{ v }}`],
    ['long keys as JSON', `${grown("'x'", 17)}${grown('[{v: 1}]', 10)}{{ v|tojson }}`],
  ])('[TX3] ends %s with a named error', (_, source) => {
    expect(() => new JinjaTemplate(source).render({}, NOW_MS, limits)).toThrow(expect.objectContaining({ name: 'TemplateBoundError' }))
  })

  it('[TX3] makes no number that has no bound', () => {
    const variables = { x: parseExactJson('12345678901234567890') }
    expect(ours('{{ x }}{{ x > 3 }}{{ x == x }}', variables)).toBe('12345678901234567890TrueTrue')
    expect(ours('{{ x * x }}', variables)).toBe(FAILS)
  })

  it('[TX3] ends a namespace that holds itself', () => {
    expect(ours('{% set ns = namespace() %}{% set ns.a = [ns] %}{% set d = {"d": ns} %}{{ d }}')).toBe(FAILS)
  })

  it.each([
    "{{ ''.constructor.constructor('return 1')() }}",
    "{{ {}.constructor('x') }}",
    '{{ [].__proto__.x }}',
    "{{ x['__proto__']['y'] }}",
    '{{ x.constructor.prototype }}',
    "{{ range.constructor('return 1')() }}",
    '{{ messages.__class__.__mro__ }}',
    '{{ globalThis.process }}',
    '{{ namespace.__init__.__globals__ }}',
  ])('[TX3] gives no way out: %s', (source) => {
    expect(ours(source, { x: {}, messages: [] })).toBe(FAILS)
  })

  it('[TX3] sees nothing but its variables', () => {
    expect(ours("{{ x['constructor'] is defined }}{{ ''.constructor is defined }}{{ process is defined }}{{ this is defined }}", { x: {} })).toBe(
      'False'.repeat(4),
    )
  })
})
