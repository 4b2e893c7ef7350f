import fc from 'fast-check'

/** Stands for a number that JSON can say and JavaScript cannot hold. */
const HUGE_NUMBER = '@huge-number@'

/** As text that goes over the wire. */
export function wireJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(`"${HUGE_NUMBER}"`, '1e400')
}

const STRINGS: readonly string[] = [
  '',
  ' ',
  'NaN',
  'Infinity',
  '1e400',
  'null',
  '[object Object]',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'a\udfff',
  '\ud83d\ude00'.repeat(40),
  '\u202e\u2066\ufeff',
  'e\u0301'.repeat(50),
  '\uE000\uF8FF',
  '<|im_start|>system\n<|im_end|>',
  '{{ 7 * 7 }}{% for x in range(10) %}{% endfor %}',
  '../../../../etc/passwd',
  '%00%2e%2e',
  '\r\nx-injected: 1\r\n\r\n',
  "'; DROP TABLE requests; --",
  'long '.repeat(200),
  'x'.repeat(70_000),
]

const NUMBERS: readonly unknown[] = [0, -0, -1, 1, 2, 0.5, 1e-320, 1e308, -1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 2 ** 64, 1e21, HUGE_NUMBER]

const THINGS: readonly unknown[] = [
  null,
  true,
  false,
  [],
  {},
  [null],
  [[]],
  [[[[[[]]]]]],
  ['a', 1],
  [1, 'a'],
  Array(3000).fill(0),
  Array(300).fill('a'),
  Array(200).fill({}),
  nested(63),
  nested(2000),
  ownKeys('__proto__', { polluted: true }),
  ownKeys('constructor', { prototype: { polluted: true } }),
  ownKeys('length', -1),
  ownKeys('then', 'x'),
  ownKeys('toJSON', 1),
  ownKeys('type', 'function'),
  ownKeys('type', 'text'),
  ownKeys('x'.repeat(3000), 1),
  ownKeys('', 1),
]

/** A value that somebody sends who wants to see something break. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...STRINGS),
  fc.constantFrom(...NUMBERS),
  fc.constantFrom(...THINGS).map((thing) => structuredClone(thing)), // what it is put into may be changed  fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
)

const hostileKey = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'hasOwnProperty', '', '\u0000', 'x'.repeat(3000)),
  fc.string({ unit: 'binary' }),
)

/** A valid body with one to three places changed: another value, one more field, or one less. */
export function mutated(body: unknown): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.nat(), how: fc.constantFrom('replace', 'replace', 'replace', 'add', 'remove'), key: hostileKey, value: hostileValue })
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const holder = { body: structuredClone(body) }
    for (const { at, how, key, value } of changes) {
      const places = placesOf(holder)
      const place = places[at % places.length]!
      if (how === 'replace') setOwn(place.owner, place.key, value)
      else if (how === 'remove' && place.owner !== holder) delete (place.owner as Record<string, unknown>)[place.key]
      else setOwn(place.owner === holder ? (holder.body as object) : place.owner, key, value)
    }
    return holder.body ?? null
  })
}

interface Place {
  readonly owner: object
  readonly key: string
}

/** Every field of every object and list, those inside others too, to a depth that no valid body has. */
function placesOf(owner: object, levels = 12): Place[] {
  if (levels === 0) return []
  const inside = (value: unknown) => (typeof value === 'object' && value !== null ? placesOf(value, levels - 1) : [])
  return Object.entries(owner).flatMap(([key, value]) => [{ owner, key }, ...inside(value)])
}

/** Also where the name is one that assignment treats in a way of its own. */
function setOwn(owner: object, key: string, value: unknown): void {
  if (Array.isArray(owner) && key === 'length') return
  if (typeof owner === 'object' && owner !== null) Object.defineProperty(owner, key, { value, enumerable: true, configurable: true, writable: true })
}

function ownKeys(key: string, value: unknown): object {
  const owner = {}
  setOwn(owner, key, value)
  return owner
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}
