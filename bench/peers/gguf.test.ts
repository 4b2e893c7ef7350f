import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ggufHeader, paddingBytes, tensorBytes } from './gguf.ts'
import type { GgufTensor, GgufValue } from './gguf.ts'

/** Reads what the writer wrote, by the specification: magic, version, counts, metadata, tensors. */
function readHeader(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const u32 = () => view.getUint32((at += 4) - 4, true)
  const u64 = () => Number(view.getBigUint64((at += 8) - 8, true))
  const text = (length: number) => new TextDecoder().decode(bytes.subarray(at, (at += length)))
  const string = () => text(u64())
  const list = <T>(count: number, read: () => T) => Array.from({ length: count }, read)
  const value = (type: number): unknown => {
    if (type === 4) return u32()
    if (type === 5) return view.getInt32((at += 4) - 4, true)
    if (type === 6) return view.getFloat32((at += 4) - 4, true)
    if (type === 7) return bytes[at++] === 1
    if (type === 8) return string()
    if (type !== 9) throw new Error(`value type ${type}`)
    const element = u32()
    return list(u64(), () => value(element))
  }
  const magic = text(4)
  const version = u32()
  const tensorCount = u64()
  const metadata = list(u64(), () => [string(), value(u32())] as const)
  const tensors = list(tensorCount, () => ({ name: string(), dims: list(u32(), u64), type: u32(), offset: u64() }))
  return { magic, version, metadata: new Map(metadata), tensors, end: at }
}

const TENSORS: GgufTensor[] = [
  { name: 'a', type: 'f32', dims: [3] },
  { name: 'b', type: 'q4_0', dims: [64, 5, 2] },
  { name: 'c', type: 'q8_0', dims: [32, 7] },
]

it('writes a header that reads back, with data offsets in order and aligned', () => {
  const metadata = new Map<string, GgufValue>([
    ['text', { string: 'grüße' }],
    ['count', { u32: 4_000_000_000 }],
    ['eps', { f32: 0.5 }],
    ['flag', { bool: true }],
    ['tokens', { strings: ['', 'ab', '∑'] }],
    ['types', { i32s: [1, -2] }],
  ])
  const bytes = ggufHeader(metadata, TENSORS)
  const header = readHeader(bytes)
  expect(header).toMatchObject({ magic: 'GGUF', version: 3 })
  expect(Object.fromEntries(header.metadata)).toEqual({ text: 'grüße', count: 4_000_000_000, eps: 0.5, flag: true, tokens: ['', 'ab', '∑'], types: [1, -2] })
  expect(header.tensors).toEqual([
    { name: 'a', dims: [3], type: 0, offset: 0 },
    { name: 'b', dims: [64, 5, 2], type: 2, offset: 32 },
    { name: 'c', dims: [32, 7], type: 8, offset: 32 + 384 },
  ])
  expect(TENSORS.map(tensorBytes)).toEqual([12, 20 * 18, 7 * 34])
  expect(bytes.byteLength % 32).toBe(0)
  expect(bytes.byteLength - header.end).toBeLessThan(32)
})

it('keeps every value where headers are longer than the writer’s first buffer', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 40 }), { maxLength: 30 }), fc.integer({ min: 1, max: 400 }), (words, copies) => {
      const strings = Array.from({ length: copies }, () => words).flat()
      const header = readHeader(ggufHeader(new Map<string, GgufValue>([['tokens', { strings }]]), TENSORS))
      expect(header.metadata.get('tokens')).toEqual(strings.map((word) => new TextDecoder().decode(new TextEncoder().encode(word))))
      expect(header.tensors).toHaveLength(3)
    }),
    { numRuns: 40 },
  )
})

it('pads every tensor to the next multiple of 32', () => {
  for (const tensor of TENSORS) expect((tensorBytes(tensor) + paddingBytes(tensor)) % 32).toBe(0)
})

it('refuses rows that are not whole blocks', () => {
  expect(() => tensorBytes({ name: 'odd', type: 'q4_0', dims: [48, 2] })).toThrow('odd: rows of 48 are not blocks of 32')
})
