import type { DecoderJson, TokenizerJson } from './bpe-tokenizer.ts'

/** How a vocabulary writes bytes: byte-level BPE as 256 printable characters, SentencePiece as `▁` for a space and `<0xE2>` for a byte. */
export type VocabularyStyle = 'byte-level' | 'sentencepiece' | 'plain'

/** What the decoder undoes says how the entries are written. */
export function vocabularyStyle(json: TokenizerJson): VocabularyStyle {
  const decoders = flatten(json.decoder)
  if (decoders.some(({ type }) => type === 'ByteLevel')) return 'byte-level'
  return decoders.some(({ type }) => type === 'Metaspace' || type === 'ByteFallback') ? 'sentencepiece' : 'plain'
}

function flatten(decoder: DecoderJson | null | undefined): DecoderJson[] {
  return decoder === null || decoder === undefined ? [] : [decoder, ...(decoder.decoders ?? []).flatMap(flatten)]
}
