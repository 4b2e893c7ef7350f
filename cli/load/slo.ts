import type { RequestTimes } from './request-times.ts'

/** What a request must keep to be good. A limit that is absent is not asked for. */
export interface Slo {
  readonly ttftMs?: number
  readonly tpotMs?: number
  readonly e2eMs?: number
}

const LIMIT = /^(ttft|tpot|e2e)=(\d+(?:\.\d+)?)(ms|s)?$/

/** `ttft=500,tpot=50` in ms, or with a unit: `ttft=1.5s`. Null where it is no such list. */
export function parseSlo(text: string): Slo | null {
  const slo: Record<string, number> = {}
  for (const part of text.split(',')) {
    const match = LIMIT.exec(part.trim())
    const key = `${match?.[1]}Ms`
    if (!match || key in slo || Number(match[2]) <= 0) return null
    slo[key] = Number(match[2]) * (match[3] === 's' ? 1000 : 1)
  }
  return slo
}

/** A request that failed has no times and meets nothing; one of a single token has no TPOT to miss. SPEC LT6. */
export function meetsSlo(slo: Slo, times: RequestTimes | null): boolean {
  if (times === null) return false
  const within = (limit: number | undefined, value: number | null) => limit === undefined || value === null || value <= limit
  return within(slo.ttftMs, times.ttftMs) && within(slo.tpotMs, times.tpotMs) && within(slo.e2eMs, times.e2eMs)
}
