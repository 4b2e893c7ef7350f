import type { TextCodec } from '../model/text-codec.ts'
import { escapeBytes, wholeText } from '../model/token-bytes.ts'

/** A token as /v1/completions names it: its text, `bytes:\xe2\x80` for a part of a character, `token_id:N` without a tokenizer. */
export function completionTokenName(codec: TextCodec | null, id: number): string {
  if (codec === null) return `token_id:${id}`
  const bytes = codec.tokenBytes(id)
  return wholeText(bytes) ?? `bytes:${escapeBytes(bytes)}`
}

/** A token as chat names it: its text, or its bytes escaped; the bytes themselves stand beside it. */
export function chatTokenName(codec: TextCodec, id: number): { readonly token: string; readonly bytes: readonly number[] } {
  const bytes = codec.tokenBytes(id)
  return { token: wholeText(bytes) ?? escapeBytes(bytes), bytes: [...bytes] }
}
