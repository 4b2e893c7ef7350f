import { env, evictDurableObject } from 'cloudflare:test'
import { beforeAll, expect, it, vi } from 'vitest'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Within } from '../../shared/protocol/deadlines.ts'
import { GRAMMAR_OBJECT } from '../../shared/protocol/grammar-api.ts'
import type { GrammarMask, GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { err, ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { createGrammarGuide } from '../../workers/engine/grammar-guide.ts'
import { linkGrammar } from '../../workers/engine/link-grammar.ts'
import { KERNEL_MODULES } from '../../workers/kernel-modules.ts'
import { buildTinyPack, TINY_SPEC } from '../fixtures/tiny-pack.ts'

const PREFIX = 'models/tiny/test/'
/** Ids 0 to 2 are special, 2 ends a text; then JSON's own characters. */
const ENTRIES = ['<pad>', '<bos>', '<eos>', ...'{}[]",:-.0123456789abcdefnrtuls', '{"', '":']
const TOKENIZER = {
  added_tokens: ENTRIES.slice(0, 3).map((content, id) => ({ id, content, special: true })),
  decoder: { type: 'ByteLevel' },
  model: { type: 'BPE', vocab: Object.fromEntries(ENTRIES.map((entry, id) => [entry, id])), merges: [] },
}
const SPEC: GrammarSpec = {
  kind: 'json-schema',
  schema: JSON.stringify({ type: 'object', properties: { a: { type: 'integer', minimum: 7, maximum: 12 } }, required: ['a'] }),
}

let digest: string

beforeAll(async () => {
  const objects = await buildTinyPack(KERNEL_MODULES, TOKENIZER)
  for (const [name, bytes] of objects) await env.BUCKET.put(PREFIX + name, bytes)
  digest = (JSON.parse(new TextDecoder().decode(objects.get('manifest.json'))) as Manifest).digest
})

const object = () => env.GRAMMAR.getByName(GRAMMAR_OBJECT)
const idsOf = (...entries: readonly string[]) => entries.map((entry) => ENTRIES.indexOf(entry))
const sessions = async () => (await object().counts())?.sessions

function must<T>(result: Result<T, MoeError>): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

function allowedOf({ allowed }: GrammarMask): string[] {
  return ENTRIES.filter((_, id) => (allowed[id >> 3]! >> (id & 7)) & 1)
}

it('[GR10] a pack without a tokenizer is refused by name, and asked for again the next time', async () => {
  const whole = await env.BUCKET.get(`${PREFIX}manifest.json`)
  const manifest = await whole!.arrayBuffer()
  for (const [name, bytes] of await buildTinyPack(KERNEL_MODULES)) if (name === 'manifest.json') await env.BUCKET.put(PREFIX + name, bytes)
  expect(await object().check(SPEC)).toMatchObject({ ok: false, error: { code: 'no-tokenizer' } })
  await env.BUCKET.put(`${PREFIX}manifest.json`, manifest)
  const tokenizer = await (await env.BUCKET.get(`${PREFIX}tokenizer.json`))!.arrayBuffer()
  await env.BUCKET.put(
    `${PREFIX}tokenizer.json`,
    new Uint8Array(tokenizer).map((byte, i) => (i === 40 ? byte ^ 1 : byte)),
  )
  expect(await object().check(SPEC)).toMatchObject({ ok: false, error: { code: 'weights-corrupt' } })
  await env.BUCKET.put(`${PREFIX}tokenizer.json`, tokenizer)
  expect(await object().check(SPEC)).toMatchObject({ ok: true })
})

it('[GR4] an engine follows a grammar over RPC, and closing its session frees it', async () => {
  const open = linkGrammar(env.GRAMMAR, digest)
  const session = must(await open(SPEC, idsOf('{"')))
  expect(session.mask.allowed.length * 8).toBeGreaterThanOrEqual(TINY_SPEC.vocab)
  expect(allowedOf(session.mask)).toEqual(['a'])
  const masks = await Promise.all(idsOf('a', '":', '1').map((id) => session.accept(id))) // answered in order
  expect(allowedOf(must(masks.at(-1)!))).toEqual(['0', '1', '2'])
  const last = [...idsOf('2', '}')].map((id) => session.accept(id))
  expect(allowedOf(must(await last[1]!))).toEqual(['<eos>'])
  expect(await sessions()).toBe(1)
  session.close()
  await vi.waitUntil(async () => (await sessions()) === 0)
})

it.each([
  { who: 'leaves while its session is opened', isLate: false },
  { who: 'has given the call up', isLate: true },
])('[GR6] a sequence that $who leaves none', async ({ isLate }) => {
  const opened: Promise<unknown>[] = []
  const link = linkGrammar(env.GRAMMAR, digest)
  const open: typeof link = (...asked) => {
    const opening = link(...asked)
    opened.push(opening)
    return opening
  }
  const within: Within = async (call) => (isLate ? err('late') : ok(await call))
  const deps = { open, within, wait: () => Promise.resolve(), vocab: TINY_SPEC.vocab }
  const guide = createGrammarGuide(SPEC, { tokens: [1, 3], promptLength: 2 }, deps, () => undefined)
  guide.close()
  await Promise.all(opened)
  expect(opened).toHaveLength(1)
  await vi.waitUntil(async () => (await sessions()) === 0)
  expect(guide).toMatchObject({ mask: null, error: null })
})

it('[GR4] what cannot be enforced, and another pack’s digest, are refused with their names', async () => {
  const refused = await object().check({ kind: 'json-schema', schema: '{"not": {}}' })
  expect(refused).toMatchObject({ ok: false, error: { code: 'invalid-request', details: { param: 'response_format' } } })
  expect(await linkGrammar(env.GRAMMAR, 'x')(SPEC, [])).toMatchObject({ ok: false, error: { code: 'hello-mismatch', details: { field: 'digest' } } })
})

it('[GR7] [GR9] an evicted object finds what it compiled, and the same tokens give the same mask', async () => {
  const open = linkGrammar(env.GRAMMAR, digest)
  const session = must(await open(SPEC, []))
  const mask = must(await session.accept(idsOf('{"')[0]!))
  session.close()
  const before = await object().counts()
  await evictDurableObject(object())
  const again = must(await open(SPEC, idsOf('{"')))
  expect(again.mask).toEqual(mask)
  expect(await object().counts()).toMatchObject({ compiled: before!.compiled, instances: 1 })
  again.close()
  await vi.waitUntil(async () => (await sessions()) === 0)
})
