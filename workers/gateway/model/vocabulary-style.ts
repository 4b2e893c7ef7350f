import type { VocabularyStyle } from '../../../shared/core/tokenizer/vocabulary-style.ts'

export interface DecoderJson {
  readonly type: string
  readonly decoders?: readonly DecoderJson[]
}

/** How a tokenizer.json writes bytes in its vocabulary, as its decoder says. */
export function vocabularyStyle(decoder: DecoderJson | null | undefined): VocabularyStyle {
  const decoders = flatten(decoder)
  if (decoders.some(({ type }) => type === 'ByteLevel')) return 'byte-level'
  return decoders.some(({ type }) => type === 'Metaspace' || type === 'ByteFallback') ? 'sentencepiece' : 'plain'
}

function flatten(decoder: DecoderJson | null | undefined): DecoderJson[] {
  return decoder === null || decoder === undefined ? [] : [decoder, ...(decoder.decoders ?? []).flatMap(flatten)]
}
