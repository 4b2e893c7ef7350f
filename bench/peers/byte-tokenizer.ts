import type { GgufValue } from './gguf.ts'

/**
 * The printable stand-in of each byte in the byte-level alphabet of GPT-2 (openai/gpt-2, encoder.py, `bytes_to_unicode`): printable bytes are
 * themselves, the others follow from U+0100 on.
 */
export function byteAlphabet(): string[] {
  let moved = 0
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : 256 + moved++))
}

function isPrintable(byte: number): boolean {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 255 && byte !== 173)
}

/**
 * A byte-level tokenizer of `vocab` tokens as GGUF metadata: one token a byte, then fillers that no text gives. The one merge, of two
 * bytes that no prompt of ours holds, is there because a loader asks for merges.
 */
export function byteTokenizer(vocab: number): Map<string, GgufValue> {
  const bytes = byteAlphabet()
  const merged = 'QQ'
  const fillers = Array.from({ length: vocab - bytes.length - 3 }, (_, i) => `<filler-${i}>`)
  const tokens = [...bytes, merged, ...fillers, '<end>', '<begin>']
  const control = 3
  return new Map<string, GgufValue>([
    ['tokenizer.ggml.model', { string: 'gpt2' }],
    ['tokenizer.ggml.pre', { string: 'gpt-2' }],
    ['tokenizer.ggml.tokens', { strings: tokens }],
    ['tokenizer.ggml.token_type', { i32s: tokens.map((_, id) => (id >= vocab - 2 ? control : 1)) }],
    ['tokenizer.ggml.merges', { strings: ['Q Q'] }],
    ['tokenizer.ggml.eos_token_id', { u32: vocab - 2 }],
    ['tokenizer.ggml.bos_token_id', { u32: vocab - 1 }],
    ['tokenizer.ggml.add_bos_token', { bool: false }],
  ])
}
