import { expect, it } from 'vitest'
import { BYTES, BYTES_STOP, loadXgrammar } from '../../test/fixtures/load-xgrammar.ts'
import type { GrammarMask, GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import { LIMITS, MIB } from '../../shared/protocol/limits.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { createGrammarService } from './grammar-service.ts'
import { createXgrammar } from './xgrammar.ts'
import type { Xgrammar } from './xgrammar.ts'

const OBJECT: GrammarSpec = { kind: 'json-object' }
const schema = (value: unknown): GrammarSpec => ({ kind: 'json-schema', schema: JSON.stringify(value) })
/** Within every bound of schemas, and more than 17 MiB when it is compiled. */
const LARGE = schema({ enum: Array.from({ length: 1000 }, (_, i) => `${String(i * 7919).padStart(8, '0')}${'x'.repeat(90)}`) })

async function startService(memoryBytesMax = LIMITS.grammarMemoryBytes) {
  const options = await loadXgrammar(memoryBytesMax)
  const clock = { nowMs: 0 }
  const faults: unknown[] = []
  const service = createGrammarService({
    create: () => createXgrammar(options, BYTES, [BYTES_STOP]),
    vocab: BYTES.size,
    nowMs: () => clock.nowMs,
    onFault: (error) => faults.push(error),
  })
  return { service, clock, faults }
}

function must<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

const bytesOf = (text: string) => [...new TextEncoder().encode(text)]

function allowedOf({ allowed }: GrammarMask): string {
  const ids = Array.from({ length: 256 }, (_, id) => id).filter((id) => (allowed[id >> 3]! >> (id & 7)) & 1)
  return String.fromCharCode(...ids) + ((allowed[BYTES_STOP >> 3]! >> (BYTES_STOP & 7)) & 1 ? ' stop' : '')
}

it('[GR4] a session says what may come, token by token, and at the end only the stop token', async () => {
  const { service } = await startService()
  const { session, mask } = must(await service.open(schema({ const: 'ab' }), []))
  const masks = [mask, ...bytesOf('"ab"').map((id) => must(session.accept(id)))]
  expect(masks.map(allowedOf)).toEqual(['"', 'a', 'b', '"', ' stop'])
})

it('[GR4] a session that is opened behind tokens is where one is that was told them', async () => {
  const { service } = await startService()
  const spec = schema({ type: 'object', properties: { a: { type: 'integer', minimum: 12, maximum: 15 } }, required: ['a'] })
  const told = must(await service.open(spec, []))
  let mask = told.mask
  for (const [i, id] of bytesOf('{"a":1').entries()) {
    expect(must(await service.open(spec, bytesOf('{"a":1').slice(0, i))).mask).toEqual(mask)
    mask = must(told.session.accept(id))
  }
  expect(allowedOf(mask)).toBe('2345')
  expect(await service.open(spec, bytesOf('{"b'))).toMatchObject({ ok: false, error: { code: 'internal' } })
})

it('[GR9] behind a stop token nothing may come, and nobody else is disturbed', async () => {
  const { service, faults } = await startService()
  const other = must(await service.open(OBJECT, []))
  const { session } = must(await service.open(schema({ const: 1 }), bytesOf('1')))
  expect(allowedOf(must(session.accept(BYTES_STOP)))).toBe('')
  expect(session.accept(BYTES_STOP)).toMatchObject({ ok: false, error: { code: 'internal' } })
  expect(allowedOf(must(await service.open(schema({ const: 1 }), [...bytesOf('1'), BYTES_STOP])).mask)).toBe('')
  expect(must(other.session.accept(bytesOf('{')[0]!))).toBeDefined()
  expect(faults).toEqual([])
})

it('[GR4] a token that is not allowed, or none at all, changes nothing', async () => {
  const { service, faults } = await startService()
  const { session } = must(await service.open(schema({ const: 'ab' }), []))
  for (const id of [0x61, BYTES.size, -1, 1.5, NaN]) expect(session.accept(id)).toMatchObject({ ok: false, error: { code: 'internal' } })
  expect(allowedOf(must(session.accept(0x22)))).toBe('a')
  expect(await service.open(OBJECT, [1e9])).toMatchObject({ ok: false, error: { code: 'internal' } })
  expect(faults).toEqual([])
})

it('[GR4] grammars are compiled once, and the oldest go when there are too many', async () => {
  const { service } = await startService()
  must(await service.check(OBJECT))
  must(await service.open(OBJECT, []))
  expect(service.counts()).toMatchObject({ compiled: 1, instances: 1 })
  for (let i = 0; i < LIMITS.grammarsCompiledMax + 5; i++) must(await service.check(schema({ const: i })))
  expect(service.counts()).toMatchObject({ compiled: LIMITS.grammarsCompiledMax })
})

it('[GR4] a grammar that left the cache is still followed', async () => {
  const { service } = await startService()
  const { session } = must(await service.open(schema({ const: 'ab' }), []))
  for (let i = 0; i < LIMITS.grammarsCompiledMax + 1; i++) must(await service.check(schema({ const: i })))
  expect(allowedOf(must(session.accept(0x22)))).toBe('a')
})

it('[GR9] memory does not grow with requests', async () => {
  const { service } = await startService()
  let after = 0
  for (let i = 0; i < 600; i++) {
    const { session } = must(await service.open(schema({ type: 'object', properties: { [`p${i % 100}`]: { type: 'string', maxLength: 9 } } }), []))
    must(session.accept(0x7b))
    session.close()
    if (i === 300) after = service.counts().memoryBytes
  }
  expect(service.counts()).toMatchObject({ sessions: 0, memoryBytes: after, instances: 1 })
})

it('[GR9] sessions are bounded, closing one makes room, and idle ones end', async () => {
  const { service, clock } = await startService()
  const opened = await Promise.all(Array.from({ length: LIMITS.grammarSessionsMax }, async () => must(await service.open(OBJECT, [])).session))
  expect(await service.open(OBJECT, [])).toMatchObject({ ok: false, error: { code: 'overloaded', retryable: true } })
  opened[0]!.close()
  opened[0]!.close()
  must(await service.open(OBJECT, []))
  clock.nowMs = LIMITS.grammarIdleMs - 1
  must(opened[1]!.accept(0x7b))
  clock.nowMs = LIMITS.grammarIdleMs
  must(await service.open(OBJECT, []))
  expect(service.counts().sessions).toBe(2)
  expect(opened[2]!.accept(0x7b)).toMatchObject({ ok: false, error: { code: 'grammar-unavailable', retryable: true } })
  must(opened[1]!.accept(0x22))
})

it('[GR9] a grammar that bursts its memory is refused by name; the next request gets a new instance, and lost sessions say so', async () => {
  const { service, faults } = await startService(17 * MIB)
  const { session } = must(await service.open(OBJECT, []))
  expect(await service.check(LARGE)).toMatchObject({ ok: false, error: { code: 'invalid-request', details: { param: 'response_format' } } })
  expect(faults.length).toBe(2) // beside the others, and alone
  expect(session.accept(0x7b)).toMatchObject({ ok: false, error: { code: 'grammar-unavailable', retryable: true } })
  session.close()
  expect(allowedOf(must(await service.open(OBJECT, [0x7b, 0x22])).mask)).toContain('a')
  expect(service.counts()).toMatchObject({ sessions: 1, compiled: 1, instances: 3 })
})

it('[GR9] a trap in one session ends the instance, not the service', async () => {
  const options = await loadXgrammar(64 * MIB)
  let traps = 0
  const service = createGrammarService({
    async create() {
      const real = await createXgrammar(options, BYTES, [BYTES_STOP])
      const compile: typeof real.compile = (text) => {
        const grammar = real.compile(text)
        const trap = (): never => {
          traps++
          throw new WebAssembly.RuntimeError('unreachable')
        }
        return { ...grammar, match: (special: readonly number[]) => ({ ...grammar.match(special), ...(traps === 0 ? { accept: trap } : {}) }) }
      }
      return { ...real, compile }
    },
    vocab: BYTES.size,
    nowMs: () => 0,
    onFault: () => undefined,
  })
  const { session } = must(await service.open(OBJECT, []))
  expect(session.accept(0x7b)).toMatchObject({ ok: false, error: { code: 'grammar-unavailable' } })
  const again = must(await service.open(OBJECT, []))
  must(again.session.accept(0x7b))
  expect(service.counts()).toMatchObject({ instances: 2, sessions: 1 })
})

it('[GR9] nothing of an instance that failed is used any more, whatever else was under way', async () => {
  let [instances, usesOfTheDead] = [0, 0]
  const create = async (): Promise<Xgrammar> => {
    let isDead = instances++ > 2 // enough have failed: what is asked for again is answered
    const isLast = isDead
    isDead = false
    const use = (): void => void (isDead && usesOfTheDead++)
    const matcher = { accept: () => (use(), true), allowed: () => (use(), new Uint8Array(36)), dispose: use }
    return {
      memoryBytes: () => 0,
      compile({ text }) {
        use()
        if (!isLast && text.includes('burst')) {
          isDead = true
          throw new WebAssembly.RuntimeError('unreachable')
        }
        return { match: () => (use(), matcher), dispose: use }
      },
    }
  }
  const service = createGrammarService({ create, vocab: BYTES.size, nowMs: () => 0, onFault: () => undefined })
  must(await service.check(OBJECT))
  const [burst, good] = [schema({ const: 'burst' }), schema({ const: 'good' })]
  const asked = [good, OBJECT, burst, OBJECT, good, burst, OBJECT].flatMap((spec) => [
    service.open(spec, []),
    service.check(spec),
    service.open(OBJECT, [0x7b]),
  ])
  await Promise.all(asked)
  expect(usesOfTheDead).toBe(0)
  expect(instances).toBeGreaterThan(1)
})
