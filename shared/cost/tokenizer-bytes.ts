import { LIMITS, MIB } from '../protocol/limits.ts'

/**
 * Heap that the tokenizer library needs at least, by the size of tokenizer.json: a line through what was measured in workerd (smallest heap that loads it, less the
 * script's own): OLMoE 2.0 MiB → 20, DeepSeek V3 7.5 → 38, Qwen3 10.9 → 44, gpt-oss 26.6 → 98 MiB.
 */
const HEAP_PER_BYTE = 3.2

/** What a gateway isolate holds while it loads a tokenizer: script, library, and the file itself. */
export function tokenizerIsolateBytes(fileBytes: number): { readonly script: number; readonly tokenizer: number; readonly file: number } {
  return { script: LIMITS.scriptHeapBytes, tokenizer: fileBytes * HEAP_PER_BYTE, file: fileBytes }
}

/** The largest tokenizer.json that a gateway can load. */
export const TOKENIZER_FILE_BYTES_MAX = Math.floor((LIMITS.isolateBytes - LIMITS.scriptHeapBytes) / (1 + HEAP_PER_BYTE) / MIB) * MIB
