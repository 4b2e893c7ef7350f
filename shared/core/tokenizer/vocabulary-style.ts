/** How a vocabulary writes bytes: byte-level BPE as 256 printable characters, SentencePiece as `▁` for a space and `<0xE2>` for a byte. */
export type VocabularyStyle = 'byte-level' | 'sentencepiece' | 'plain'

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
