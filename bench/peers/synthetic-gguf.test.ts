import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../cli/testing/temporary-folder.ts'
import { FULL_SHAPE, QUICK_SHAPE, totalWeights } from '../synthetic/shape.ts'
import { byteAlphabet, byteTokenizer } from './byte-tokenizer.ts'
import { paddingBytes, tensorBytes } from './gguf.ts'
import { f16Bits, shapeTensors, writeSyntheticGguf } from './synthetic-gguf.ts'
import type { PeerWeights } from './synthetic-gguf.ts'

const folder = temporaryFolder()

it('has every weight of the shape once', () => {
  const weights = shapeTensors(FULL_SHAPE, 'q4_0').map(({ dims }) => dims.reduce((product, n) => product * n, 1))
  expect(weights.reduce((sum, n) => sum + n, 0)).toBe(totalWeights(FULL_SHAPE))
})

it.each(['q4_0', 'q8_0'] as const)('%s: the data ends where the table says, blocks have the one scale, codes the mean zero', async (weights: PeerWeights) => {
  const path = join(folder, `${weights}.gguf`)
  await writeSyntheticGguf(QUICK_SHAPE, weights, path)
  const file = await readFile(path)
  const tensors = shapeTensors(QUICK_SHAPE, weights)
  const dataBytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor) + paddingBytes(tensor), 0)
  const data = file.subarray(file.byteLength - dataBytes)
  expect((file.byteLength - dataBytes) % 32).toBe(0)
  const blockBytes = weights === 'q4_0' ? 18 : 34
  const embedding = data.subarray(0, tensorBytes(tensors[0]!))
  const scales = new Set<number>()
  let sum = 0
  let codes = 0
  for (let block = 0; block < embedding.byteLength; block += blockBytes) {
    scales.add(embedding.readUInt16LE(block))
    for (const byte of embedding.subarray(block + 2, block + blockBytes)) {
      sum += weights === 'q4_0' ? (byte & 15) + (byte >> 4) - 16 : (byte << 24) >> 24
      codes += weights === 'q4_0' ? 2 : 1
    }
  }
  expect(scales.size).toBe(1)
  expect([...scales][0]! >> 10).toBeGreaterThan(0) // normal
  expect(Math.abs(sum / codes)).toBeLessThan(weights === 'q4_0' ? 0.1 : 2)
})

it('the tokenizer has as many tokens as the embedding rows, all different, and a byte is its own id', () => {
  const metadata = byteTokenizer(QUICK_SHAPE.vocab)
  const { strings } = metadata.get('tokenizer.ggml.tokens') as { strings: string[] }
  expect(new Set(strings).size).toBe(QUICK_SHAPE.vocab)
  expect(byteAlphabet()).toHaveLength(256)
  expect(strings['a'.charCodeAt(0)]).toBe('a')
  expect(strings[' '.charCodeAt(0)]).toBe('Ġ') // as everywhere in this alphabet
})

it('writes f16 scales, cut to 10 bits, and refuses what is no normal f16', () => {
  expect(f16Bits(1)).toBe(0x3c00)
  expect(f16Bits(-0.5)).toBe(0xb800)
  expect(f16Bits(1 + 1 / 1024)).toBe(0x3c01)
  expect(() => f16Bits(1e-8)).toThrow(RangeError)
})
