import type { RequestRecord } from '../request-record.ts'

/** A record of an answered request; `over` changes it. */
export function recordOf(index: number, atMs: number, over: Partial<RequestRecord> = {}, domain = 'story', phase = 0): RequestRecord {
  return {
    request: { index, atMs, phase, domain, maxTokens: 8, seed: index },
    outcome: { kind: 'ok', finishReason: 'length' },
    sentMs: atMs + 1,
    endMs: atMs + 100,
    pieceMs: [atMs + 20, atMs + 50, atMs + 90],
    usage: { promptTokens: 5, completionTokens: 3, cachedTokens: 1 },
    output: null,
    ...over,
  }
}
