import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodedBytes } from '../core/layout.ts'
import { moeLayers } from '../core/model-spec.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import { tensorEncoding, trunkTensors } from '../core/tensors.ts'
import { canonicalJson } from './canonical-json.ts'
import { LIMITS } from './limits.ts'
import { checkDigest, digestInput, isModelName, parseManifest } from './manifest-parser.ts'
import type { ExpertEntry, Manifest, StoredRange } from './manifest.ts'
import { expertRangeBytes } from './pack-layout.ts'
import type { Tier } from './tiers.ts'

const SHA = 'ab'.repeat(32)

/** Uses every option that a spec has: a dense layer, a shared expert, groups, yarn, biases. */
const SPEC: ModelSpec = {
  family: 'sample',
  vocab: 100,
  hidden: 48,
  context: 256,
  attention: { heads: 4, kvHeads: 2, headDim: 6, scale: 0.4, qkvBias: true, outputBias: true, qkNorm: 'head', clip: 8 },
  norm: { kind: 'rms', eps: 1e-5 },
  rope: { kind: 'yarn', theta: 1e4, factor: 4, originalContext: 64, betaFast: 32, betaSlow: 1, truncate: true, attentionFactor: 1.1 },
  layers: [
    { window: null, ffn: { kind: 'dense', width: 72 } },
    { window: 32, ffn: { kind: 'moe' } },
    { window: null, ffn: { kind: 'moe' } },
  ],
  router: {
    experts: 4,
    topK: 2,
    score: 'sigmoid',
    order: 'score-then-topk',
    normalize: true,
    scale: 2.5,
    selectionBias: true,
    groups: { count: 2, keep: 1, best: 2 },
  },
  expert: { activation: 'swiglu', width: 40 },
  shared: { width: 40, mix: 'sigmoid' },
  multipliers: { embedding: 2, residual: 0.5, logitsDivisor: 4 },
  tiedHead: false,
  tokens: { bos: 1, eos: [2, 3] },
}

/** The manifest that a packer would write; ranges laid out one after the other. */
function sampleManifest(tiers: readonly Tier[] = ['q8', 'q4', 'f32']): Manifest {
  const ends = new Map<string, number>()
  const range = (object: string, bytes: number, align = 64): StoredRange => {
    const offset = Math.ceil((ends.get(object) ?? 0) / align) * align
    ends.set(object, offset + bytes)
    return { object, offset, bytes, sha256: SHA }
  }
  const trunk = (tier: Tier) =>
    trunkTensors(SPEC).map((t) => {
      const encoding = tensorEncoding(t, tier)
      const hiSha256 = encoding === 'q8' ? SHA : null
      return { ...range(`trunk.${tier}.bin`, encodedBytes(encoding, t.rows, t.cols)), hiSha256, name: t.name, encoding, rows: t.rows, cols: t.cols }
    })
  const probeAt = (tier: Tier) => (tiers.includes(tier) ? '01'.repeat(8) : null)
  const bytes = expertRangeBytes(SPEC)
  const experts = moeLayers(SPEC).flatMap((layer) =>
    Array.from({ length: SPEC.router.experts }, (_, expert) => ({
      layer,
      expert,
      hi: tiers.includes('q4') ? range(`experts-${layer}.bin`, bytes.hi) : null,
      lo: tiers.includes('q8') ? range(`experts-${layer}.bin`, bytes.lo, 1) : null,
      f32: tiers.includes('f32') ? range(`experts-${layer}.f32.bin`, bytes.f32) : null,
      probe: { q8: probeAt('q8'), q4: probeAt('q4'), f32: probeAt('f32') },
    })),
  )
  return {
    format: 'isomoe-pack',
    version: 2,
    name: 'sample-1.0',
    digest: SHA,
    spec: SPEC,
    tiers,
    trunk: { q8: tiers.includes('q4') ? trunk('q8') : [], f32: tiers.includes('f32') ? trunk('f32') : [] },
    experts,
    tokenizer: { tokenizer: { object: 'tokenizer.json', bytes: 10, sha256: SHA }, config: { object: 'tokenizer_config.json', bytes: 20, sha256: SHA } },
    chatTemplate: { object: 'chat_template.jinja', bytes: 30, sha256: SHA },
    generation: { temperature: 0.7, topP: 0.9, topK: null, minP: null },
  }
}

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const parse = (value: unknown) => parseManifest(bytesOf(value))

function errorOf(value: unknown) {
  const result = parse(value)
  return result.ok ? null : { code: result.error.code, field: 'field' in result.error.details ? result.error.details.field : null }
}

/** New values by path (`trunk.q8.0.bytes`); a function makes one from the old. */
type Changes = Readonly<Record<string, unknown>>

/** A changed copy. */
function changed(changes: Changes): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(sampleManifest()))
  for (const [dotted, change] of Object.entries(changes)) {
    const path = dotted.split('.')
    setAt(copy, path, typeof change === 'function' ? change(holderOf(copy, path)[path.at(-1)!]) : change)
  }
  return copy
}

describe('what a packer writes is read back as it is', () => {
  for (const tiers of [['q8', 'q4'], ['q4'], ['f32'], ['q4', 'f32'], ['q8', 'q4', 'f32']] as const) {
    it(`[PK4] tiers ${tiers.join(', ')}`, () => {
      const manifest = sampleManifest(tiers)
      expect(parseManifest(new TextEncoder().encode(canonicalJson(manifest)))).toEqual({ ok: true, value: manifest })
    })
  }

  it('[PK8] without tokenizer, template and tied to the embedding', () => {
    const { spec, tiers, trunk, ...rest } = sampleManifest(['f32'])
    const manifest = { ...rest, tiers, spec: { ...spec, tiedHead: true }, trunk: { q8: [], f32: trunk.f32.slice(0, -1) }, tokenizer: null, chatTemplate: null }
    expect(parse(manifest)).toEqual({ ok: true, value: manifest })
  })
})

describe('hostile manifests', () => {
  it('[PK7] any bytes are refused without a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(parseManifest(bytes).ok).toBe(false)
      }),
    )
  })

  it('[PK7] any field replaced by anything is refused, or is what the caller then sees', () => {
    const paths = leafPaths(sampleManifest())
    fc.assert(
      fc.property(fc.constantFrom(...paths.map((path) => path.join('.'))), hostileValue(), (path, value) => {
        const manifest = changed({ [path]: value })
        const result = parse(manifest)
        if (result.ok) expect(result.value).toEqual(JSON.parse(JSON.stringify(manifest)))
        else expect(result.error.code).toBe('manifest-invalid')
      }),
      { numRuns: 2000 },
    )
  })

  it('[PK7] every single field is needed', () => {
    const kept = objectPaths(sampleManifest()).filter((path) => parse(changed({ [path.join('.')]: undefined })).ok) // JSON leaves undefined out
    expect(kept).toEqual([])
  })

  it('[PK7] an unknown field is refused wherever it is', () => {
    const holders = objectPaths(sampleManifest()).map((path) => path.slice(0, -1))
    for (const path of [[], ...holders]) expect(parse(changed({ [[...path, 'surprise'].join('.')]: 1 })).ok).toBe(false)
  })

  const swap = (entries: unknown[], a: number, b: number) => entries.with(a, entries[b]).with(b, entries[a])
  const withoutF32 = (old: ExpertEntry[]) => old.map((entry, i) => ({ ...entry, f32: null, probe: { ...entry.probe, f32: i === 1 ? entry.probe.f32 : null } }))
  const cases: [what: string, field: string, changes: Changes][] = [
    ['another format', 'format', { format: 'zip' }],
    ['a later version', 'version', { version: 3 }],
    ['a version that had no probes', 'version', { version: 1 }],
    ['a name with a path', 'name', { name: '../x' }],
    ['a name with a newline', 'name', { name: 'x\n' }],
    ['a digest that is no sha256', 'digest', { digest: 'AB'.repeat(32) }],
    ['an object outside the pack', 'trunk.q8[0].object', { 'trunk.q8.0.object': '../trunk.q8.bin' }],
    ['a negative offset', 'trunk.q8[1].offset', { 'trunk.q8.1.offset': -64 }],
    ['an unaligned offset', 'trunk.q8[1].offset', { 'trunk.q8.1.offset': (old: number) => old + 16 }],
    ['an offset beyond 2^53', 'trunk.q8[0].offset', { 'trunk.q8.0.offset': Number.MAX_SAFE_INTEGER - 63 }],
    ['bytes that do not match the shape', 'trunk.f32[0].bytes', { 'trunk.f32.0.bytes': (old: number) => old - 64 }],
    ['a shape that does not match the spec', 'trunk.q8[0].rows', { 'trunk.q8.0.rows': (old: number) => old + 16 }],
    ['another encoding', 'trunk.q8[0].encoding', { 'trunk.q8.0.encoding': 'q4' }],
    ['trunk tensors in another order', 'trunk.q8[2].name', { 'trunk.q8': (old: unknown[]) => swap(old, 2, 3) }],
    ['a missing trunk tensor', 'trunk.q8', { 'trunk.q8': (old: unknown[]) => old.slice(1) }],
    ['a trunk for a tier that is not there', 'trunk.f32', { tiers: ['q8', 'q4'] }],
    ['tiers in another order', 'tiers', { tiers: ['f32', 'q4', 'q8'] }],
    ['no tiers', 'tiers', { tiers: [] }],
    ['a tier twice', 'tiers', { tiers: ['q4', 'q4', 'f32'] }],
    ['q8 without q4', 'tiers', { tiers: ['q8', 'f32'] }],
    ['a missing expert', 'experts', { experts: (old: unknown[]) => old.slice(1) }],
    ['an expert twice', 'experts[1].expert', { experts: (old: unknown[]) => old.with(1, old[0]) }],
    ['an expert of a dense layer', 'experts[0].layer', { 'experts.0.layer': 0 }],
    ['an expert without its lo plane', 'experts[3].lo', { 'experts.3.lo': null }],
    ['a lo plane that does not follow its hi plane', 'experts[2].lo.offset', { 'experts.2.lo.offset': (old: number) => old + 64 }],
    ['a lo plane in another object', 'experts[2].lo.object', { 'experts.2.lo.object': 'experts-2.bin' }],
    ['a probe for a tier that is not packed', 'experts[1].probe.f32', { tiers: ['q8', 'q4'], 'trunk.f32': [], experts: withoutF32 }],
    ['an expert without its probe', 'experts[2].probe.q4', { 'experts.2.probe.q4': null }],
    ['a probe that is no digest', 'experts[0].probe.q8', { 'experts.0.probe.q8': '01'.repeat(9) }],
    ['two entries on the same bytes', 'objects', { 'trunk.q8.1.offset': 0 }],
    ['a file on the bytes of the trunk', 'objects', { 'chatTemplate.object': 'trunk.q8.bin' }],
    ['a tokenizer that no gateway can hold', 'tokenizer.tokenizer.bytes', { 'tokenizer.tokenizer.bytes': LIMITS.tokenizerBytesMax + 1 }],
    ['a repetition penalty of nothing', 'generation.repetitionPenalty', { 'generation.repetitionPenalty': 0 }],
    ['a negative temperature', 'generation.temperature', { 'generation.temperature': -1 }],
    ['a vocabulary beyond the limit', 'spec.vocab', { 'spec.vocab': LIMITS.vocabMax + 1 }],
    ['layers beyond the limit', 'spec.layers', { 'spec.layers': (old: unknown[]) => Array.from({ length: LIMITS.layersMax + 1 }, () => old[0]) }],
    ['no layer with experts', 'spec.layers', { 'spec.layers': (old: unknown[]) => old.slice(0, 1) }],
    ['top-k above the experts', 'spec.router.topK', { 'spec.router.topK': 5 }],
    ['groups that do not divide the experts', 'spec.router.groups', { 'spec.router.groups.count': 3 }],
    ['key-value heads that do not divide the heads', 'spec.attention.kvHeads', { 'spec.attention.kvHeads': 3 }],
    ['an odd head', 'spec.attention.headDim', { 'spec.attention.headDim': 7 }],
    ['an unknown kind of RoPE', 'spec.rope.kind', { 'spec.rope.kind': 'alibi' }],
    ['a RoPE with the fields of another', 'spec.rope', { 'spec.rope.kind': 'linear' }],
    ['an id beyond the vocabulary', 'spec.tokens.eos', { 'spec.tokens.eos': [100] }],
    ['a division by zero', 'spec.multipliers.logitsDivisor', { 'spec.multipliers.logitsDivisor': 0 }],
  ]
  for (const [what, field, changes] of cases) {
    it(`[PK7] ${what} is refused, naming ${field}`, () => {
      expect(errorOf(changed(changes))).toEqual({ code: 'manifest-invalid', field })
    })
  }

  it('[PK7] more bytes than a manifest may have are refused unread', () => {
    const bytes = new Uint8Array(LIMITS.manifestBytesMax + 1).fill(0x20)
    bytes.set(bytesOf(sampleManifest()))
    expect(parseManifest(bytes).ok).toBe(false)
    expect(parseManifest(bytes.subarray(1)).ok).toBe(false)
    expect(parseManifest(bytes.subarray(0, LIMITS.manifestBytesMax)).ok).toBe(true)
  })

  it('[PK7] a field that is called __proto__ changes nothing but the outcome', () => {
    const text = JSON.stringify(sampleManifest()).replace('"router":{', '"router":{"__proto__":{"experts":9},')
    expect(parseManifest(new TextEncoder().encode(text)).ok).toBe(false)
  })
})

describe('the digest', () => {
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  const genuine = (): Manifest => ({ ...sampleManifest(), digest: hash(digestInput(sampleManifest())) })

  it('[PK3] holds for the manifest that it was made of, in any order of keys', async () => {
    const manifest = genuine()
    const reordered = Object.fromEntries(Object.entries(manifest).toReversed()) as unknown as Manifest
    expect(await checkDigest(manifest, hash)).toEqual({ ok: true, value: manifest })
    expect((await checkDigest(reordered, hash)).ok).toBe(true)
  })

  it('[PK3] does not hold when one checksum inside differs', async () => {
    const manifest = genuine()
    const spoiled = { ...manifest, chatTemplate: { ...manifest.chatTemplate!, sha256: 'cd'.repeat(32) } }
    const result = await checkDigest(spoiled, hash)
    expect(!result.ok && result.error.details).toEqual({ field: 'digest' })
  })
})

it('[PK7] a model id is a plain name', () => {
  for (const name of ['a', 'isomoe-demo', 'Qwen3-30B-A3B', 'v1.0_x', 'a'.repeat(96)]) expect(isModelName(name)).toBe(true)
  for (const name of ['', '.', '..', '.hidden', 'a/b', 'a\\b', 'a b', 'ä', 'a\n', '-x', 'a'.repeat(97)]) expect(isModelName(name)).toBe(false)
})

type Path = readonly (string | number)[]

function entriesOf(value: unknown): [string | number, unknown][] {
  if (Array.isArray(value)) return value.map((entry, index) => [index, entry])
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}

function leafPaths(value: unknown, path: Path = []): Path[] {
  const entries = entriesOf(value)
  return entries.length === 0 ? [path] : entries.flatMap(([key, entry]) => leafPaths(entry, [...path, key]))
}

/** Every named field, at every depth. */
function objectPaths(value: unknown, path: Path = []): Path[] {
  return entriesOf(value).flatMap(([key, entry]) => [...(typeof key === 'string' ? [[...path, key]] : []), ...objectPaths(entry, [...path, key])])
}

function holderOf(root: unknown, path: Path): Record<string | number, unknown> {
  return path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], root) as Record<string | number, unknown>
}

function setAt(root: unknown, path: Path, value: unknown): void {
  holderOf(root, path)[path.at(-1)!] = value
}

function hostileValue(): fc.Arbitrary<unknown> {
  const numbers = fc.constantFrom(0, -1, 0.5, 1e308, 2 ** 53, -(2 ** 53), 64, 1)
  return fc.oneof(
    numbers,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.constantFrom(SHA, '..', 'q8', 'f32', null, true, false),
    fc.jsonValue(),
  )
}
