import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import type { TraceEntry } from './arrivals.ts'

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens'
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?$/

/**
 * Reads an arrival trace in the form of the Azure LLM inference traces: a header, then `time,prompt tokens,generated tokens`, ascending in time.
 * Times are from the first row. Source: Patel et al., Splitwise (ISCA 2024), whose traces these are.
 */
export function parseTrace(text: string, path: string): TraceEntry[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  if (lines[0] !== HEADER) throw new CliError('trace-invalid', `${path}: the first line must be ${HEADER}`)
  const entries: TraceEntry[] = []
  let beginMs = 0
  for (let i = 1; i < lines.length; i++) {
    if (lines[i] === '') continue
    if (entries.length >= LIMITS.loadRequestsMax) throw new CliError('trace-invalid', `${path}: more than ${LIMITS.loadRequestsMax} rows`)
    const [time = '', prompt = '', output = '', ...more] = lines[i]!.split(',')
    const timeMs = readTimeMs(time)
    const promptTokens = readCount(prompt)
    const outputTokens = readCount(output)
    if (timeMs === null || promptTokens === null || outputTokens === null || more.length > 0) {
      throw new CliError('trace-invalid', `${path} line ${i + 1}: expected a time and two counts of tokens`)
    }
    if (entries.length === 0) beginMs = timeMs
    const atMs = timeMs - beginMs
    if (atMs < (entries.at(-1)?.atMs ?? 0)) throw new CliError('trace-invalid', `${path} line ${i + 1}: times must ascend`)
    entries.push({ atMs, promptTokens, outputTokens })
  }
  if (entries.length === 0) throw new CliError('trace-invalid', `${path} has no rows`)
  return entries
}

/** Milliseconds, with the fraction that Date would cut off. */
function readTimeMs(text: string): number | null {
  const match = TIMESTAMP.exec(text)
  if (!match) return null
  const wholeMs = Date.parse(`${match[1]}T${match[2]}Z`)
  return Number.isNaN(wholeMs) ? null : wholeMs + Number(`0.${match[3] ?? '0'}`) * 1000
}

function readCount(text: string): number | null {
  return /^\d{1,7}$/.test(text) ? Number(text) : null
}
