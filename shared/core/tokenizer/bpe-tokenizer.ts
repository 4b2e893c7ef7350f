import { LIMITS } from '../../protocol/limits.ts'
import { MergeRanks, Vocabulary } from './token-tables.ts'

/** tokenizer.json of Hugging Face, as far as it is read here. */
export interface TokenizerJson {
  readonly model?: { readonly type?: unknown; readonly vocab?: unknown; readonly merges?: unknown; readonly [field: string]: unknown }
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean; readonly normalized?: boolean }[]
  readonly decoder?: { readonly type: string } | null
  readonly normalizer?: unknown
  readonly [field: string]: unknown
}

/** A byte-pair tokenizer with its two large lists as tables; the rest of tokenizer.json stays as it is. */
export interface BpeTokenizer {
  /** tokenizer.json with `model.vocab` {} and `model.merges` []. */
  readonly json: TokenizerJson
  readonly vocabulary: Vocabulary
  readonly merges: MergeRanks
}

/** Whether tokenizer.json is one of those that have tables: byte pairs, without the suffixes that some older models put on words. */
export function isBpe({ model }: TokenizerJson): boolean {
  return model?.type === 'BPE' && !model['end_of_word_suffix'] && !model['continuing_subword_suffix']
}

/**
 * Takes the tables out of tokenizer.json, parsed. The object keeps its lists; drop it to free them.
 * @throws Error naming what no tokenizer could use: an id that is none, a merge of what is not in the vocabulary (the Rust library refuses it too).
 */
export function bpeTokenizer(json: TokenizerJson, vocabMax: number): BpeTokenizer {
  const { vocab, merges } = json.model ?? {}
  if (typeof vocab !== 'object' || vocab === null || Array.isArray(vocab)) throw new Error('model.vocab is no object')
  if (!Array.isArray(merges)) throw new Error('model.merges is no list')
  const vocabulary = vocabularyOf(vocab as Readonly<Record<string, unknown>>, vocabMax)
  const pairs = new Uint32Array(2 * merges.length)
  for (const [rank, merge] of merges.entries()) {
    const [left, right, more] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? (merge as unknown[]) : []
    const ids = [left, right].map((part) => (typeof part === 'string' ? vocabulary.idOf(part) : undefined))
    if (ids[0] === undefined || ids[1] === undefined || more !== undefined) throw new Error(`model.merges[${rank}] names what is not in the vocabulary`)
    pairs[2 * rank] = ids[0]
    pairs[2 * rank + 1] = ids[1]
  }
  return { json: { ...json, model: { ...json.model, vocab: {}, merges: [] } }, vocabulary, merges: new MergeRanks(pairs) }
}

function vocabularyOf(vocab: Readonly<Record<string, unknown>>, vocabMax: number): Vocabulary {
  let count = 0
  for (const [entry, id] of Object.entries(vocab)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= vocabMax)
      throw new Error(`model.vocab gives ${JSON.stringify(entry)} no id below ${vocabMax}`)
    if (entry === '') throw new Error('model.vocab has an empty entry')
    if (entry.length > LIMITS.tokenUnitsMax) throw new Error(`model.vocab[${id}] has more than ${LIMITS.tokenUnitsMax} characters`)
    count = Math.max(count, id + 1)
  }
  const entries = Array.from<string>({ length: count })
  for (const [entry, id] of Object.entries(vocab)) entries[id as number] = entry
  const offsets = new Uint32Array(count + 1)
  for (let id = 0; id < count; id++) offsets[id + 1] = offsets[id]! + (entries[id]?.length ?? 0)
  const units = new Uint16Array(offsets[count]!)
  for (let id = 0; id < count; id++) {
    const entry = entries[id] ?? ''
    for (let index = 0; index < entry.length; index++) units[offsets[id]! + index] = entry.charCodeAt(index)
  }
  return new Vocabulary(offsets, units)
}
