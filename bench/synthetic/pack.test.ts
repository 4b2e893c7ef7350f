import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { readPackFolder } from '../../cli/pack-folder.ts'
import { temporaryFolder } from '../../cli/testing/temporary-folder.ts'
import { encodedBytes } from '../../shared/core/layout.ts'
import { decodeMatrix, decodeVector } from '../../shared/core/p8.ts'
import { expertMatrices, trunkTensors } from '../../shared/core/tensors.ts'
import type { Manifest, StoredRange } from '../../shared/protocol/manifest.ts'
import { writeSyntheticPack } from './pack.ts'
import { activeWeights, FULL_SHAPE, QUICK_SHAPE, specOf, totalWeights } from './shape.ts'

const folder = temporaryFolder()
let manifest: Manifest

beforeAll(async () => {
  for (const copy of ['a', 'b']) {
    await mkdir(join(folder, copy))
    await writeSyntheticPack(QUICK_SHAPE, join(folder, copy))
  }
  manifest = await readPackFolder(join(folder, 'a')) // manifest, digest and sizes
})

async function bytesOf({ object, offset, bytes }: StoredRange): Promise<Uint8Array> {
  return (await readFile(join(folder, 'a', object))).subarray(offset, offset + bytes)
}

it('[PK1] the same shape gives the same pack', async () => {
  expect((await readPackFolder(join(folder, 'b'))).digest).toBe(manifest.digest)
})

it('[PK3] every range has its checksum', async () => {
  const ranges = [...manifest.trunk.q8, ...manifest.experts.flatMap(({ hi, lo }) => [hi!, lo!])]
  expect(ranges.length).toBeGreaterThan(50)
  for (const range of ranges)
    expect(
      createHash('sha256')
        .update(await bytesOf(range))
        .digest('hex'),
    ).toBe(range.sha256)
})

it('matrices decode, at 8 bits and by their hi planes, to weights of mean 0 and deviation 1/sqrt(hidden)', async () => {
  const embed = manifest.trunk.q8.find(({ name }) => name === 'embed')!
  const bytes = await bytesOf(embed)
  for (const encoding of ['q8', 'q4'] as const) {
    const values = decodeMatrix(bytes.subarray(0, encodedBytes(encoding, embed.rows, embed.cols)), encoding, embed.rows, embed.cols)
    const mean = values.reduce((sum, w) => sum + w, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, w) => sum + (w - mean) ** 2, 0) / values.length)
    expect(Math.abs(mean)).toBeLessThan(0.05 / Math.sqrt(QUICK_SHAPE.hidden))
    expect(deviation * Math.sqrt(QUICK_SHAPE.hidden)).toBeCloseTo(1, 0)
  }
  const norm = manifest.trunk.q8.find(({ name }) => name === 'norm')!
  expect(decodeVector(await bytesOf(norm), norm.cols)).toEqual(new Float32Array(QUICK_SHAPE.hidden).fill(1))
})

it('has the peers’ shape: 864.6 M weights, 151.5 M of them active for a token', () => {
  const spec = specOf(FULL_SHAPE)
  const trunk = trunkTensors(spec).reduce((sum, t) => sum + t.rows * t.cols, 0)
  const expert = expertMatrices(spec).reduce((sum, m) => sum + m.rows * m.cols, 0)
  expect(trunk + spec.layers.length * spec.router.experts * expert).toBe(864_586_752)
  expect(totalWeights(FULL_SHAPE)).toBe(864_586_752)
  expect(activeWeights(FULL_SHAPE)).toBe(151_519_232)
})
