import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hiPlaneBytes, padCols, padRows } from '../../shared/core/layout.ts'
import { readModelSpec } from '../../shared/core/families.ts'
import { decodeMatrix, decodeVector } from '../../shared/core/p8.ts'
import type { TensorSource } from '../../shared/core/tensor-sources.ts'
import { expertMatrices } from '../../shared/core/tensors.ts'
import { expertRanges } from '../../shared/protocol/manifest.ts'
import type { Manifest, StoredRange } from '../../shared/protocol/manifest.ts'
import { unwrap } from '../errors.ts'
import { readPackFolder } from '../pack-folder.ts'
import { openCheckpoint } from '../safetensors/checkpoint.ts'
import { openSourceFolder } from '../source-folder.ts'
import { filesOf, packTo, recordWarnings } from '../testing/pack-to.ts'
import { concat } from '../testing/safetensors-file.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { shardFiles, TINY_CONFIG, tinyTensors, writeFolder } from '../testing/tiny-checkpoint.ts'

const MODELS = 'test/fixtures/models'
const FAMILIES = ['mixtral', 'olmoe', 'qwen2_moe', 'qwen3_moe', 'granitemoe', 'granitemoeshared']
/** The second set has widths that are no multiples of the padding, and odd numbers of heads and experts. */
const CHECKPOINTS = [MODELS, 'test/fixtures/models-awkward'].flatMap((set) => FAMILIES.map((family) => join(set, family)))
const root = temporaryFolder()
const inRoot = (...parts: string[]) => join(root, ...parts)

/** Bytes of a range, whose checksum must hold. */
function readRange(pack: string, range: StoredRange): Uint8Array {
  const bytes = readFileSync(join(pack, range.object)).subarray(range.offset, range.offset + range.bytes)
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(range.sha256)
  return bytes
}

/** The matrices of an expert, cut out of its ranges as docs/design/pack.md says. */
function decodeExpert(pack: string, manifest: Manifest, index: number, tier: 'q8' | 'q4' | 'f32'): Map<string, Float32Array> {
  const [first, second] = expertRanges(manifest.experts[index]!, tier).map((range) => readRange(pack, range))
  let [at, loAt] = [0, 0]
  return new Map(
    expertMatrices(manifest.spec).map(({ name, rows, cols }) => {
      const bytes = tier === 'f32' ? padRows(rows) * padCols(cols) * 4 : hiPlaneBytes(rows, cols)
      const loBytes = tier === 'q8' ? (bytes / 144) * 128 : 0
      const encoded = concat([first!.subarray(at, at + bytes), ...(second ? [second.subarray(loAt, loAt + loBytes)] : [])])
      at += bytes
      loAt += loBytes
      return [name, decodeMatrix(encoded, tier === 'f32' ? 'f32-matrix' : tier, rows, cols)]
    }),
  )
}

function relativeError(got: Float32Array, want: Float32Array): number {
  const sumOf = (f: (i: number) => number) => want.reduce((sum, _, i) => sum + f(i) ** 2, 0)
  return Math.sqrt(sumOf((i) => got[i]! - want[i]!) / sumOf((i) => want[i]!))
}

/** Reads the checkpoint's own values of a pack's tensors. */
async function originals(path: string) {
  const folder = await openSourceFolder(path)
  const checkpoint = await openCheckpoint(folder)
  const { sources } = unwrap(readModelSpec(JSON.parse(readFileSync(join(path, 'config.json'), 'utf8')), null))
  const read = async (source: TensorSource, rows: number, cols: number) => {
    const values = new Float32Array(rows * cols)
    await checkpoint.readRows(source.tensor, source.rowOffset, rows, cols, values)
    return values
  }
  return { sources, read, close: () => checkpoint.close() }
}

describe('a real checkpoint of every family', () => {
  for (const from of CHECKPOINTS) {
    it(`[PK3] ${from}: every range has its checksum and holds the checkpoint’s values: f32 exactly, q8 and q4 within their step`, async () => {
      const pack = inRoot(from)
      const manifest = await packTo(pack, from, ['q8', 'f32'])
      expect(manifest.tiers).toEqual(['q8', 'q4', 'f32'])
      expect(await readPackFolder(pack)).toEqual(manifest)
      const { sources, read, close } = await originals(from)
      for (const tier of ['q8', 'f32'] as const) {
        for (const entry of manifest.trunk[tier]) {
          const want = await read(sources.trunk.get(entry.name)!, entry.rows, entry.cols)
          const bytes = readRange(pack, entry)
          const got = entry.encoding === 'f32-vector' ? decodeVector(bytes, entry.cols) : decodeMatrix(bytes, entry.encoding, entry.rows, entry.cols)
          if (entry.encoding === 'q8') expect(relativeError(got, want)).toBeLessThan(0.01)
          else expect(got).toEqual(want)
        }
      }
      for (const [index, { layer, expert }] of manifest.experts.entries()) {
        const expertSources = sources.expert(layer, expert)
        const decoded = {
          f32: decodeExpert(pack, manifest, index, 'f32'),
          q8: decodeExpert(pack, manifest, index, 'q8'),
          q4: decodeExpert(pack, manifest, index, 'q4'),
        }
        for (const { name, rows, cols } of expertMatrices(manifest.spec)) {
          const want = await read(expertSources[name], rows, cols)
          expect(decoded.f32.get(name)).toEqual(want)
          expect(relativeError(decoded.q8.get(name)!, want)).toBeLessThan(0.01)
          expect(relativeError(decoded.q4.get(name)!, want)).toBeLessThan(0.15)
        }
      }
      await close()
    })
  }
})

describe('the same input gives the same bytes', () => {
  const tiny = writeFolder(inRoot('tiny'))

  it('[PK1] packed twice', async () => {
    await packTo(inRoot('once'), tiny, ['q8', 'f32'])
    await packTo(inRoot('again'), tiny, ['f32', 'q8', 'q4', 'q8'])
    expect(filesOf(inRoot('again'))).toEqual(filesOf(inRoot('once')))
  })

  it('[PK1] from one file or from three shards', async () => {
    const sharded = writeFolder(inRoot('sharded-source'), { extra: shardFiles(tinyTensors(), 3) })
    rmSync(join(sharded, 'model.safetensors'))
    await packTo(inRoot('single'), tiny)
    await packTo(inRoot('sharded'), sharded)
    expect(filesOf(inRoot('sharded'))).toEqual(filesOf(inRoot('single')))
  })

  for (const dtype of ['F16', 'F32'] as const) {
    it(`[PK1] from bf16 or from ${dtype}, where the values are the same`, async () => {
      const other = writeFolder(inRoot(`tiny-${dtype}`), { tensors: tinyTensors(TINY_CONFIG, dtype) })
      await packTo(inRoot('bf16'), tiny, ['q8', 'f32'])
      await packTo(inRoot(dtype), other, ['q8', 'f32'])
      expect(filesOf(inRoot(dtype))).toEqual(filesOf(inRoot('bf16')))
    })
  }

  it('[PK1] and one other bit gives another digest', async () => {
    const tensors = tinyTensors()
    const norm = tensors.get('model.norm.weight')!
    tensors.set('model.norm.weight', { ...norm, bytes: norm.bytes.with(0, norm.bytes[0]! ^ 1) })
    const other = await packTo(inRoot('other-bit'), writeFolder(inRoot('other-bit-source'), { tensors }))
    expect(other.digest).not.toBe((await packTo(inRoot('same-bits'), tiny)).digest)
  })
})

it('[PK4] q4 alone is a tier of its own quantiser, without lo planes', async () => {
  const manifest = await packTo(inRoot('q4'), join(MODELS, 'mixtral'), ['q4'])
  const nested = await packTo(inRoot('q8'), join(MODELS, 'mixtral'), ['q8'])
  expect(manifest.tiers).toEqual(['q4'])
  expect(manifest.experts.every((e) => e.lo === null && e.hi !== null)).toBe(true)
  const { sources, read, close } = await originals(join(MODELS, 'mixtral'))
  const error = async (pack: string, m: Manifest) => {
    const { layer, expert } = m.experts[0]!
    const { rows, cols } = expertMatrices(m.spec)[0]!
    return relativeError(decodeExpert(pack, m, 0, 'q4').get('gate')!, await read(sources.expert(layer, expert).gate, rows, cols))
  }
  expect(await error(inRoot('q4'), manifest)).toBeLessThanOrEqual(await error(inRoot('q8'), nested))
  await close()
})

it('[PK4] experts begin at cache lines, a lo plane right behind its hi plane', async () => {
  const { experts, trunk } = await packTo(inRoot('aligned'), writeFolder(inRoot('aligned-source')), ['q8', 'f32'])
  for (const range of [...trunk.q8, ...trunk.f32, ...experts.flatMap((e) => [e.hi!, e.f32!])]) expect(range.offset % 64).toBe(0)
  for (const { hi, lo } of experts) expect(lo!.offset).toBe(hi!.offset + hi!.bytes)
})

describe('a model with tied embeddings', () => {
  const config = { ...TINY_CONFIG, tie_word_embeddings: true }

  it('[PK5] may bring a head that repeats the embedding', async () => {
    const tensors = tinyTensors(config)
    tensors.set('lm_head.weight', tensors.get('model.embed_tokens.weight')!)
    const manifest = await packTo(inRoot('tied'), writeFolder(inRoot('tied-source'), { config, tensors }))
    expect(manifest.trunk.q8.map((entry) => entry.name)).not.toContain('head')
  })

  it('[PK5] is refused when its head says something else', async () => {
    const tensors = tinyTensors(config)
    const embedding = tensors.get('model.embed_tokens.weight')!
    tensors.set('lm_head.weight', { ...embedding, bytes: embedding.bytes.with(2, embedding.bytes[2]! ^ 1) })
    const from = writeFolder(inRoot('untied-source'), { config, tensors })
    await expect(packTo(inRoot('untied'), from)).rejects.toThrow('lm_head.weight must repeat model.embed_tokens.weight')
  })
})

describe('a tokenizer', () => {
  const texts = {
    'tokenizer.json': '{"model":{}}',
    'tokenizer_config.json': '{ "chat_template": "inline" }',
    'generation_config.json': '{"temperature":0.7,"top_p":0.9}',
  }

  it('[PK8] goes into the pack byte for byte, with template and sampling defaults', async () => {
    const from = writeFolder(inRoot('texts-source'), { extra: { ...texts, 'chat_template.jinja': 'own file' } })
    const manifest = await packTo(inRoot('texts'), from)
    const files = filesOf(inRoot('texts'))
    expect(files.get('tokenizer.json')!.toString()).toBe(texts['tokenizer.json'])
    expect(files.get('tokenizer_config.json')!.toString()).toBe(texts['tokenizer_config.json'])
    expect(files.get('chat_template.jinja')!.toString()).toBe('own file')
    expect(manifest.generation).toEqual({ temperature: 0.7, topP: 0.9, topK: null, minP: null })
    expect(manifest.tokenizer?.tokenizer).toEqual({
      object: 'tokenizer.json',
      bytes: 12,
      sha256: createHash('sha256').update(texts['tokenizer.json']).digest('hex'),
    })
  })

  it('[PK8] that is missing is a warning, and null in the manifest', async () => {
    const progress = recordWarnings()
    const manifest = await packTo(inRoot('mute'), writeFolder(inRoot('mute-source')), ['q8'], progress)
    expect(manifest.tokenizer).toBeNull()
    expect(progress.warnings).toEqual([expect.stringContaining('token ids only')])
  })
})
