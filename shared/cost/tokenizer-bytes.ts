import { LIMITS } from '../protocol/limits.ts'

/**
 * Heap that a tokenizer needs at least while it loads, by the size of the file that is read: a line through what was measured in workerd (smallest heap that loads it, less
 * the script's own). tokenizer.json: OLMoE 2.0 MiB → 20, DeepSeek V3 7.5 → 38, Qwen3 10.9 → 44, gpt-oss 26.6 → 98 MiB. Tables are read in less: 6.3 MiB → 24.
 */
const HEAP_PER_BYTE = 3.2
/** tokenizer.bin over its tokenizer.json: 200,000 entries with 446,189 merges are 6.6 MB instead of 25. */
const TABLES_PER_BYTE = 0.27

/** What a gateway isolate holds while it loads a tokenizer: script, library, and the file itself. @param fileBytes of what is read: tokenizer.bin where there is one. */
export function tokenizerIsolateBytes(fileBytes: number): { readonly script: number; readonly tokenizer: number; readonly file: number } {
  return { script: LIMITS.scriptHeapBytes, tokenizer: fileBytes * HEAP_PER_BYTE, file: fileBytes }
}

/** Bytes of what a gateway will read once a checkpoint with this tokenizer.json is packed: byte-pair models above a bound become tables. SPEC TX9. */
export function packedTokenizerBytes(jsonBytes: number): number {
  return jsonBytes > LIMITS.tokenizerJsonReadBytesMax ? Math.ceil(jsonBytes * TABLES_PER_BYTE) : jsonBytes
}
