import type { BpeTokenizer, TokenizerJson } from '../core/tokenizer/bpe-tokenizer.ts'
import { MergeRanks, Vocabulary } from '../core/tokenizer/token-tables.ts'
import { LIMITS } from './limits.ts'

/** tokenizer.bin: a large tokenizer as the gateway reads it, without parsing a JSON of tens of MB. Made by `isomoe pack`. */
export const TOKENIZER_FILE = 'tokenizer.bin'
const MAGIC = 0x4b4f5449 // "ITOK"
const VERSION = 1
const HEADER_WORDS = 6

/**
 * Little-endian, each part on four bytes:
 * magic, version, entries n, units u, merges m, JSON bytes j: u32 each;
 * offsets u32 [n + 1]; merges u32 [2 · m]; units u16 [u]; tokenizer.json without vocabulary and merges, UTF-8 [j].
 */
export function writeTokenizerFile({ json, vocabulary, merges }: BpeTokenizer): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(json))
  const { offsets, units } = vocabulary
  const layout = layoutOf(vocabulary.count, units.length, merges.pairs.length / 2, text.byteLength)
  const bytes = new Uint8Array(layout.end)
  const view = new DataView(bytes.buffer)
  const header = [MAGIC, VERSION, vocabulary.count, units.length, merges.pairs.length / 2, text.byteLength]
  for (const [index, word] of header.entries()) view.setUint32(4 * index, word, true)
  for (const [index, offset] of offsets.entries()) view.setUint32(layout.offsets + 4 * index, offset, true)
  for (const [index, id] of merges.pairs.entries()) view.setUint32(layout.merges + 4 * index, id, true)
  for (const [index, unit] of units.entries()) view.setUint16(layout.units + 2 * index, unit, true)
  bytes.set(text, layout.json)
  return bytes
}

/**
 * Reads tokenizer.bin; the tables are views of `bytes`, which must not change afterwards. Every count is bounded before it is used.
 * @param bytes at the beginning of its buffer or on four bytes of it.
 * @throws Error naming what is wrong.
 */
export function readTokenizerFile(bytes: Uint8Array<ArrayBuffer>): BpeTokenizer {
  if (bytes.byteLength < 4 * HEADER_WORDS) throw new Error('it is too short')
  const word = new DataView(bytes.buffer, bytes.byteOffset, 4 * HEADER_WORDS)
  const [magic, version, entries, units, merges, jsonBytes] = Array.from({ length: HEADER_WORDS }, (_, index) => word.getUint32(4 * index, true)) as Header
  if (magic !== MAGIC) throw new Error('it is no tokenizer file')
  if (version !== VERSION) throw new Error(`it has version ${version}, this gateway reads ${VERSION}`)
  if (entries > LIMITS.vocabMax || merges > LIMITS.mergesMax || units > LIMITS.tokenizerBytesMax || jsonBytes > LIMITS.tokenizerBytesMax)
    throw new Error('it has more entries or merges than are allowed')
  const layout = layoutOf(entries, units, merges, jsonBytes)
  if (layout.end !== bytes.byteLength) throw new Error(`it has ${bytes.byteLength} bytes, its counts make ${layout.end}`)
  const offsets = new Uint32Array(bytes.buffer, bytes.byteOffset + layout.offsets, entries + 1)
  const pairs = new Uint32Array(bytes.buffer, bytes.byteOffset + layout.merges, 2 * merges)
  checkOffsets(offsets, units)
  if (pairs.some((id) => id >= entries)) throw new Error('a merge names an id outside the vocabulary')
  const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(layout.json)))
  if (typeof json !== 'object' || json === null) throw new Error('its JSON is no object')
  const vocabulary = new Vocabulary(offsets, new Uint16Array(bytes.buffer, bytes.byteOffset + layout.units, units))
  return { json: json as TokenizerJson, vocabulary, merges: new MergeRanks(pairs) }
}

type Header = [magic: number, version: number, entries: number, units: number, merges: number, jsonBytes: number]

function layoutOf(entries: number, units: number, merges: number, jsonBytes: number) {
  const offsets = 4 * HEADER_WORDS
  const pairs = offsets + 4 * (entries + 1)
  const text = pairs + 8 * merges
  const json = text + 4 * Math.ceil(units / 2)
  return { offsets, merges: pairs, units: text, json, end: json + jsonBytes }
}

function checkOffsets(offsets: Uint32Array, units: number): void {
  for (let id = 1; id < offsets.length; id++) {
    const length = offsets[id]! - offsets[id - 1]!
    if (length < 0 || length > LIMITS.tokenUnitsMax) throw new Error(`entry ${id - 1} has a length that is not allowed`)
  }
  if (offsets[0] !== 0 || offsets.at(-1) !== units) throw new Error('its entries do not fill its text')
}
