import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { buildSafetensors, memoryFolder, rawSafetensors } from '../testing/safetensors-file.ts'
import { openCheckpoint } from './checkpoint.ts'
import { TENSORS_MAX } from './header.ts'

const f32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer)
const open = (file: Uint8Array) => openCheckpoint(memoryFolder({ 'model.safetensors': file }))
const tensor = (dtype: unknown, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets })

describe('a hostile header is refused by name', () => {
  const eight = new Uint8Array(8)
  const cases: [what: string, file: Uint8Array, message: RegExp][] = [
    ['header length beyond the bound', new Uint8Array(8).fill(255), /header would have 18446744073709551615 bytes/],
    ['header longer than the file', buildSafetensors(new Map()).subarray(0, 20), /truncated: its header/],
    ['no JSON', rawSafetensors('{', eight), /header of model.safetensors is not JSON/],
    ['a list', rawSafetensors([], eight), /header is not a JSON object/],
    ['a tensor that is no object', rawSafetensors({ a: 1 }, eight), /tensor a is not described/],
    ['an unknown type', rawSafetensors({ a: tensor('F8_E4M3', [8], [0, 8]) }, eight), /tensor a has the type "F8_E4M3"/],
    [
      'a type nested deeper than the stack',
      rawSafetensors(`{"a":{"dtype":${'['.repeat(100_000)}${']'.repeat(100_000)},"shape":[8],"data_offsets":[0,8]}}`, eight),
      /tensor a has the type a list;/,
    ],
    ['a type of the prototype', rawSafetensors({ a: tensor('toString', [8], [0, 8]) }, eight), /tensor a has the type/],
    ['a negative size', rawSafetensors({ a: tensor('F32', [-2], [0, 8]) }, eight), /tensor a has no valid shape/],
    ['a fractional size', rawSafetensors({ a: tensor('F32', [0.5, 4], [0, 8]) }, eight), /tensor a has no valid shape/],
    ['too many dimensions', rawSafetensors({ a: tensor('F32', [2, 1, 1, 1, 1, 1, 1, 1, 1], [0, 8]) }, eight), /tensor a has no valid shape/],
    ['a shape whose product overflows', rawSafetensors({ a: tensor('F32', [2 ** 40, 2 ** 40], [0, 8]) }, eight), /tensor a of F32 .* does not have/],
    ['a shape that disagrees with the offsets', rawSafetensors({ a: tensor('F32', [3], [0, 8]) }, eight), /tensor a of F32 \[3\] does not have the 8 bytes/],
    ['offsets that run backwards', rawSafetensors({ a: tensor('F32', [2], [8, 0]) }, eight), /tensor a of F32/],
    ['offsets beyond the file', rawSafetensors({ a: tensor('F32', [4], [0, 16]) }, eight), /truncated: its tensors end at byte/],
    ['offsets that are no pair', rawSafetensors({ a: tensor('F32', [2], [0]) }, eight), /no valid data_offsets/],
    ['overlap', rawSafetensors({ a: tensor('F32', [2], [0, 8]), b: tensor('F32', [1], [4, 8]) }, eight), /tensor b overlaps/],
    ['a gap', rawSafetensors({ a: tensor('F32', [1], [4, 8]) }, eight), /tensor a follows a gap/],
    ['bytes after the last tensor', rawSafetensors({ a: tensor('F32', [1], [0, 4]) }, eight), /4 bytes after its last tensor/],
    ['a name that drives the terminal', rawSafetensors({ '\u001b[2Ja\n': tensor('I64', [1], [0, 8]) }, eight), /tensor \\u001b\[2Ja\\u000a has the type/],
  ]
  for (const [what, file, message] of cases) {
    it(`[PK7] ${what}`, async () => {
      await expect(open(file)).rejects.toThrow(message)
      await expect(open(file)).rejects.toBeInstanceOf(CliError)
    })
  }

  it('[PK7] more tensors than any model has', async () => {
    const header = Object.fromEntries(Array.from({ length: TENSORS_MAX + 1 }, (_, i) => [`t${i}`, 0]))
    await expect(open(rawSafetensors(header, eight))).rejects.toThrow(`at most ${TENSORS_MAX}`)
  })

  it('[PK7] any bytes are read or refused, never anything else', async () => {
    const valid = buildSafetensors(new Map([['a', { dtype: 'F32', shape: [2, 2], bytes: f32(1, 2, 3, 4) }]]))
    const spoil = fc.array(fc.tuple(fc.nat(valid.byteLength - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(spoil, fc.nat(valid.byteLength), async (bytes, length) => {
        const file = valid.slice(0, length)
        for (const [at, value] of bytes) file[at] = value
        const outcome = await open(file).then(
          () => 'read',
          (error: unknown) => (error instanceof CliError && error.code === 'checkpoint-invalid' ? 'refused' : error),
        )
        expect(['read', 'refused']).toContain(outcome)
      }),
    )
  })
})

it('[PK2] reads only the rows asked for, in bounded pieces', async () => {
  const [rows, cols] = [4096, 1024]
  const reads: number[] = []
  const file = buildSafetensors(new Map([['fused', { dtype: 'F32', shape: [4, rows / 4, cols], bytes: new Uint8Array(rows * cols * 4) }]]))
  const checkpoint = await openCheckpoint(memoryFolder({ 'model.safetensors': file }, (_, bytes) => reads.push(bytes)))
  reads.length = 0
  await checkpoint.readRows('fused', 1000, 1500, cols, new Float32Array(1500 * cols))
  expect(reads.reduce((a, b) => a + b, 0)).toBe(1500 * cols * 4)
  expect(Math.max(...reads)).toBeLessThanOrEqual(LIMITS.chunkBytes)
})

it('[PK2] rows are those of the tensor, whatever the order of the file', async () => {
  const file = rawSafetensors({ b: tensor('F32', [2, 2], [8, 24]), a: tensor('F32', [2], [0, 8]) }, f32(1, 2, 3, 4, 5, 6))
  const checkpoint = await open(file)
  const row = new Float32Array(2)
  await checkpoint.readRows('b', 1, 1, 2, row)
  expect([...row]).toEqual([5, 6])
})

it('[PK5] a NaN is refused with the name of its tensor and its place', async () => {
  const checkpoint = await open(buildSafetensors(new Map([['bad', { dtype: 'F32', shape: [2, 2], bytes: f32(1, 2, 3, NaN) }]])))
  await checkpoint.readRows('bad', 0, 1, 2, new Float32Array(2))
  await expect(checkpoint.readRows('bad', 1, 1, 2, new Float32Array(2))).rejects.toThrow('tensor bad has an infinite or NaN value at element 3')
})

describe('an index and its shards', () => {
  const one = (name: string) => buildSafetensors(new Map([[name, { dtype: 'F32', shape: [1], bytes: f32(1) }]]))
  const folder = (index: unknown, files: Record<string, Uint8Array>) =>
    openCheckpoint(memoryFolder({ ...files, 'model.safetensors.index.json': new TextEncoder().encode(JSON.stringify(index)) }))

  it('[PK6] agree: tensors of all shards are found', async () => {
    const checkpoint = await folder({ weight_map: { a: '1', b: '2' } }, { 1: one('a'), 2: one('b') })
    expect([...checkpoint.tensors.keys()].sort()).toEqual(['a', 'b'])
  })

  const cases: [what: string, index: unknown, files: Record<string, Uint8Array>, message: RegExp][] = [
    ['no weight_map', {}, {}, /has no weight_map/],
    ['a weight_map that is a list', { weight_map: [] }, {}, /has no weight_map/],
    ['a file name that is no string', { weight_map: { a: 1 } }, {}, /tensor a has no file name/],
    ['too many shards', { weight_map: Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`t${i}`, `${i}`])) }, {}, /lists 600 files/],
    ['a tensor that its shard does not hold', { weight_map: { a: '1', b: '1' } }, { 1: one('a') }, /1 does not hold b/],
    ['a tensor that the index does not list', { weight_map: { a: '1', b: '2' } }, { 1: one('a'), 2: one('c') }, /2 holds c, which .* does not list/],
    ['a tensor in two shards', { weight_map: { a: '1', b: '2' } }, { 1: one('a'), 2: one('a') }, /tensor a is in two shards/],
    ['tensors in each other’s shard', { weight_map: { a: '2', b: '1' } }, { 1: one('a'), 2: one('b') }, /tensor a is in 1, not in the shard/],
  ]
  for (const [what, index, files, message] of cases) {
    it(`[PK6] is refused: ${what}`, async () => {
      await expect(folder(index, files)).rejects.toThrow(message)
    })
  }
})
