import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readDemoFile } from '../../../test/contract/demo-model.ts'
import { encodedBytes } from '../../../shared/core/layout.ts'
import type { ModelSpec } from '../../../shared/core/model-spec.ts'
import { tensorEncoding, trunkTensors } from '../../../shared/core/tensors.ts'
import { digestInput } from '../../../shared/protocol/manifest-parser.ts'
import { writeTokenizerFile } from '../../../shared/protocol/tokenizer-file.ts'
import { bpeTokenizer } from '../../../shared/core/tokenizer/bpe-tokenizer.ts'
import type { Manifest, StoredFile } from '../../../shared/protocol/manifest.ts'
import { expertRangeBytes, RANGE_ALIGN_BYTES } from '../../../shared/protocol/pack-layout.ts'
import { loadModel } from './load-model.ts'

const SPEC: ModelSpec = {
  family: 'sample',
  vocab: 6144,
  hidden: 8,
  context: 64,
  attention: { heads: 1, kvHeads: 1, headDim: 8, scale: 0.5, qkvBias: false, outputBias: false, qkNorm: 'none', clip: null },
  norm: { kind: 'rms', eps: 1e-5 },
  rope: { kind: 'default', theta: 1e4 },
  layers: [{ window: null, ffn: { kind: 'moe' } }],
  router: { experts: 2, topK: 1, score: 'softmax', order: 'score-then-topk', normalize: true, scale: 1, selectionBias: false, groups: null },
  expert: { activation: 'swiglu', width: 8 },
  shared: null,
  multipliers: { embedding: 1, residual: 1, logitsDivisor: 1 },
  tiedHead: true,
  tokens: { bos: null, eos: [2] },
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const encode = (text: string) => new TextEncoder().encode(text)

function storedFile(object: string, bytes: Uint8Array): StoredFile {
  return { object, bytes: bytes.byteLength, sha256: sha256(bytes) }
}

/** A pack at tier f32 as a packer writes it, weights left out: the gateway never reads them. */
function packFiles(files: Readonly<Record<string, Uint8Array>>, tokenizer: boolean): Map<string, Uint8Array> {
  let end = 0
  const range = (bytes: number) => {
    const offset = Math.ceil(end / RANGE_ALIGN_BYTES) * RANGE_ALIGN_BYTES
    end = offset + bytes
    return { object: 'weights.bin', offset, bytes, sha256: 'ab'.repeat(32) }
  }
  const stored = (name: string) => storedFile(name, files[name] ?? new Uint8Array())
  const unsigned: Manifest = {
    format: 'isomoe-pack',
    version: 2,
    name: 'sample',
    digest: '',
    spec: SPEC,
    tiers: ['f32'],
    trunk: {
      q8: [],
      f32: trunkTensors(SPEC).map((tensor) => {
        const encoding = tensorEncoding(tensor, 'f32')
        const { name, rows, cols } = tensor
        return { ...range(encodedBytes(encoding, rows, cols)), hiSha256: null, name, encoding, rows, cols }
      }),
    },
    experts: [0, 1].map((expert) => ({
      layer: 0,
      expert,
      hi: null,
      lo: null,
      f32: range(expertRangeBytes(SPEC).f32),
      probe: { q8: null, q4: null, f32: '01'.repeat(8) },
    })),
    tokenizer: tokenizer
      ? {
          tokenizer: stored('tokenizer.json'),
          config: stored('tokenizer_config.json'),
          ...('tokenizer.bin' in files && { tables: stored('tokenizer.bin') }),
        }
      : null,
    chatTemplate: 'chat_template.jinja' in files ? stored('chat_template.jinja') : null,
    generation: { temperature: 0.7, topP: null, topK: null, minP: null },
  }
  const manifest = { ...unsigned, digest: sha256(digestInput(unsigned)) }
  return new Map([...Object.entries(files), ['manifest.json', encode(JSON.stringify(manifest))]])
}

const folderOf = (files: ReadonlyMap<string, Uint8Array>) => ({
  get: async (name: string) => {
    const bytes = files.get(name)
    return bytes === undefined ? null : { size: bytes.byteLength, arrayBuffer: async () => new Uint8Array(bytes).buffer }
  },
})

const DEMO_FILES = Object.fromEntries(['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'].map((name) => [name, encode(readDemoFile(name))]))

describe('loadModel', () => {
  it('[PK3] reads a pack with tokenizer and template', async () => {
    const loaded = await loadModel(folderOf(packFiles(DEMO_FILES, true)), 'f32', 'q8')
    if (!loaded.ok) throw new Error(loaded.error.message)
    expect(loaded.value).toMatchObject({
      name: 'sample',
      tier: 'f32',
      trunk: 'f32',
      contextTokens: 64,
      vocab: 6144,
      eos: [2],
      generation: { temperature: 0.7 },
    })
    expect(loaded.value.codec?.encode('Once upon a time', true)).toEqual([2335, 874, 263, 833])
    expect(loaded.value.template?.render([{ role: 'user', content: 'hi' }], { tools: [], addGenerationPrompt: false })).toEqual({
      ok: true,
      value: '<|im_start|>user\nhi<|im_end|>\n',
    })
  })

  it('[TX9] reads the tables of a tokenizer instead of its JSON, with the same ids', async () => {
    const tables = writeTokenizerFile(bpeTokenizer(JSON.parse(readDemoFile('tokenizer.json')), SPEC.vocab))
    const files = packFiles({ ...DEMO_FILES, 'tokenizer.bin': tables }, true)
    files.delete('tokenizer.json')
    const loaded = await loadModel(folderOf(files), 'f32', 'q8')
    if (!loaded.ok) throw new Error(loaded.error.message)
    expect(loaded.value.codec?.encode('Once upon a time', true)).toEqual([2335, 874, 263, 833])
    expect(loaded.value.codec?.decode([1, 2335, 874])).toBe('<|im_start|>Once upon')
  })

  it('[TX9] refuses tables that are none, and those whose checksum does not hold', async () => {
    const files = { ...DEMO_FILES, 'tokenizer.bin': encode('nothing of the kind, but long enough') }
    expect(await loadModel(folderOf(packFiles(files, true)), 'f32', 'q8')).toMatchObject({
      ok: false,
      error: { code: 'manifest-invalid', message: expect.stringContaining('no tokenizer file'), details: { field: 'tokenizer' } },
    })
    const changed = packFiles(files, true)
    changed.set('tokenizer.bin', encode('nothing of the kind, but LONG enough'))
    expect(await loadModel(folderOf(changed), 'f32', 'q8')).toMatchObject({
      ok: false,
      error: { code: 'weights-corrupt', details: { object: 'tokenizer.bin' } },
    })
  })

  it('[PK8] reads a pack without a tokenizer', async () => {
    expect(await loadModel(folderOf(packFiles({}, false)), 'f32', 'q8')).toMatchObject({ ok: true, value: { codec: null, template: null } })
  })

  it('[PK3] refuses a tokenizer whose checksum does not hold', async () => {
    const files = packFiles(DEMO_FILES, true)
    files.set('tokenizer.json', encode(readDemoFile('tokenizer.json').replace('"id": 0', '"id": 1')))
    expect(await loadModel(folderOf(files), 'f32', 'q8')).toMatchObject({
      ok: false,
      error: { code: 'weights-corrupt', details: { object: 'tokenizer.json' } },
    })
  })

  it('[PK3] refuses a manifest that is not the one its digest names', async () => {
    const files = packFiles({}, false)
    const changed = new TextDecoder().decode(files.get('manifest.json')).replace('"temperature":0.7', '"temperature":0.8')
    files.set('manifest.json', encode(changed))
    expect(await loadModel(folderOf(files), 'f32', 'q8')).toMatchObject({ ok: false, error: { code: 'manifest-invalid', details: { field: 'digest' } } })
  })

  it('[PK5] names a tier that the pack has not', async () => {
    expect(await loadModel(folderOf(packFiles({}, false)), 'q8', 'q8')).toMatchObject({
      ok: false,
      error: { code: 'manifest-invalid', details: { field: 'tiers' } },
    })
  })

  it('[PK7] refuses a file that is longer than the manifest says', async () => {
    const files = packFiles(DEMO_FILES, true)
    files.set('tokenizer.json', new Uint8Array(1_000_000))
    expect(await loadModel(folderOf(files), 'f32', 'q8')).toMatchObject({
      ok: false,
      error: { code: 'manifest-invalid', details: { field: 'tokenizer.json' } },
    })
  })

  it.each([
    ['tokenizer.json', '{}', 'tokenizer'],
    ['tokenizer.json', 'null', 'tokenizer.json'],
    ['tokenizer_config.json', '[', 'tokenizer_config.json'],
    ['chat_template.jinja', '{% if %}', 'chatTemplate'],
  ])('[PK5] names %s when it holds %j', async (name, text, field) => {
    const files = packFiles({ ...DEMO_FILES, [name]: encode(text) }, true)
    expect(await loadModel(folderOf(files), 'f32', 'q8')).toMatchObject({ ok: false, error: { code: 'manifest-invalid', details: { field } } })
  })

  it('[RE2] tells a missing object from storage that fails', async () => {
    expect(await loadModel(folderOf(new Map()), 'f32', 'q8')).toMatchObject({ ok: false, error: { code: 'weights-missing' } })
    const broken = { get: () => Promise.reject(new Error('R2 is away')) }
    expect(await loadModel(broken, 'f32', 'q8')).toMatchObject({ ok: false, error: { code: 'storage-unavailable', retryable: true } })
  })
})
