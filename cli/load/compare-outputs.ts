import type { RequestRecord } from './request-record.ts'

export interface OutputComparison {
  /** Requests that both runs answered and kept. */
  readonly compared: number
  /** Those whose outputs differ, and the first token (or character, where there are no ids) that does. */
  readonly altered: readonly { readonly index: number; readonly at: number }[]
  /** Answered in one of the two only. */
  readonly missing: readonly number[]
}

/**
 * Compares two runs of one schedule bit by bit, request by request: ids where both have them, else texts.
 * Both need `keepOutputs`, and one seed, mix and schedule: in a closed loop a request's time, and with it its domain, depends on the server.
 */
export function compareOutputs(a: readonly RequestRecord[], b: readonly RequestRecord[]): OutputComparison {
  const others = new Map(answered(b).map((record) => [record.request.index, record]))
  const compared = answered(a).flatMap((record) => {
    const other = others.get(record.request.index)
    return other ? [{ index: record.request.index, at: firstDifference(record, other) }] : []
  })
  const both = new Set(compared.map(({ index }) => index))
  const missing = new Set([...answered(a), ...answered(b)].map(({ request }) => request.index).filter((index) => !both.has(index)))
  return {
    compared: compared.length,
    altered: compared.flatMap(({ index, at }) => (at === null ? [] : [{ index, at }])).toSorted((x, y) => x.index - y.index),
    missing: Array.from(missing).toSorted((x, y) => x - y),
  }
}

function answered(records: readonly RequestRecord[]): RequestRecord[] {
  return records.filter(({ outcome, output }) => outcome.kind === 'ok' && output !== null)
}

function firstDifference(a: RequestRecord, b: RequestRecord): number | null {
  if (a.request.seed !== b.request.seed || a.request.domain !== b.request.domain) throw new Error(`request ${a.request.index} was not the same in both runs`)
  const [ids, otherIds] = [a.output!.tokenIds, b.output!.tokenIds]
  const [left, right]: [ArrayLike<unknown>, ArrayLike<unknown>] = ids && otherIds ? [ids, otherIds] : [a.output!.text, b.output!.text]
  for (let i = 0; i < Math.max(left.length, right.length); i++) if (left[i] !== right[i]) return i
  return null
}
