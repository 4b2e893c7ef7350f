import { promisify } from 'node:util'
import { gunzip as gunzipCallback } from 'node:zlib'
import type { RoutingTrace } from '../../shared/placement/routing-trace.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { readBounded } from '../read-bounded.ts'

const gunzip = promisify(gunzipCallback)

/** What the ids of a recording mean. The compact form says it, JSON lines do not. */
export type TraceShape = Pick<RoutingTrace, 'layers' | 'experts' | 'topK'>

const FORMAT = 'isomoe-routing-1'
/** Compressed, unpacked, and the compact form's first line: ten times the gpt-oss trace. */
const FILE_BYTES_MAX = 128 * 2 ** 20
const UNPACKED_BYTES_MAX = 256 * 2 ** 20
const HEADER_BYTES_MAX = 2 ** 20
/** Ids are bytes. */
const EXPERTS_MAX = 256
const NEWLINE = 10

/**
 * A routing trace from a file, gzipped or not, in one of two forms:
 * - compact: one line of JSON {format, layers, experts, topK, steps: [tokens of each sequence], …}, then ids as bytes [layers, tokens, topK];
 * - JSON lines: a sequence each, {steps, experts_b64: uint8 [steps, layers, topK], …}.
 * @param shape of JSON lines. Throws `trace-invalid` saying where, `file-too-large`; sizes are checked before anything is allocated for them.
 */
export async function readTrace(path: string, shape: TraceShape): Promise<RoutingTrace> {
  const bytes = await unpack(await readBounded(path, FILE_BYTES_MAX), path)
  const end = bytes.subarray(0, HEADER_BYTES_MAX).indexOf(NEWLINE)
  const header = end < 0 ? null : parseObject(bytes.toString('utf8', 0, end))
  if (header?.format === FORMAT) return compactTrace(header, bytes.subarray(end + 1))
  return linesTrace(bytes, checkShape(shape))
}

/** The compact form of a trace. `about` joins its first line: where it comes from. Same input, same bytes. */
export function writeCompactTrace({ layers, experts, topK, steps, ids }: RoutingTrace, about: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ format: FORMAT, ...about, layers, experts, topK, steps })}\n`), ids])
}

async function unpack(bytes: Buffer, path: string): Promise<Buffer> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return await gunzip(bytes, { maxOutputLength: UNPACKED_BYTES_MAX })
  } catch (error) {
    throw invalid(`${path} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function compactTrace(header: Record<string, unknown>, ids: Uint8Array): RoutingTrace {
  const shape = checkShape(header)
  const { steps } = header
  if (!Array.isArray(steps) || !steps.every((count) => isCount(count, ids.length))) throw invalid('steps are not counts of tokens')
  return checkIds({ ...shape, steps, tokens: sum(steps), ids })
}

function linesTrace(bytes: Buffer, shape: TraceShape): RoutingTrace {
  const { layers, topK } = shape
  const sequences: Buffer[] = []
  for (let line = 1, at = 0; at < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, at)
    const end = newline < 0 ? bytes.length : newline
    const record = parseObject(bytes.toString('utf8', at, end))
    if (typeof record?.experts_b64 !== 'string' || !isCount(record.steps, end - at)) throw invalid(`line ${line} is no JSON with steps and experts_b64`)
    const ids = Buffer.from(record.experts_b64, 'base64')
    const want = record.steps * layers * topK
    if (ids.length !== want)
      throw invalid(`line ${line} has ${ids.length} ids; ${record.steps} steps of ${layers} layers, top ${topK}, are ${want}: see --shape`)
    sequences.push(ids)
    at = end + 1
  }
  const steps = sequences.map((ids) => ids.length / layers / topK)
  const tokens = sum(steps)
  const ids = new Uint8Array(layers * tokens * topK)
  let token = 0
  for (const sequence of sequences) {
    for (let from = 0; from < sequence.length; token++) {
      for (let layer = 0; layer < layers; layer++, from += topK) ids.set(sequence.subarray(from, from + topK), (layer * tokens + token) * topK)
    }
  }
  return checkIds({ ...shape, steps, tokens, ids })
}

function checkShape({ layers, experts, topK }: Readonly<Record<string, unknown>>): TraceShape {
  if (!isCount(layers, LIMITS.layersMax)) throw invalid(`layers must be 1 to ${LIMITS.layersMax}`)
  if (!isCount(experts, EXPERTS_MAX)) throw invalid(`experts must be 1 to ${EXPERTS_MAX}`)
  const topKMax = Math.min(LIMITS.topKMax, experts)
  if (!isCount(topK, topKMax)) throw invalid(`top-k must be 1 to ${topKMax}`)
  return { layers, experts, topK }
}

function checkIds(trace: RoutingTrace): RoutingTrace {
  const { layers, experts, topK, tokens, ids } = trace
  if (tokens === 0) throw invalid('no tokens')
  if (ids.length !== layers * tokens * topK)
    throw invalid(`${ids.length} ids; ${tokens} tokens of ${layers} layers, top ${topK}, are ${layers * tokens * topK}`)
  const wrong = ids.findIndex((id) => id >= experts)
  if (wrong >= 0) throw invalid(`expert ${ids[wrong]} where there are ${experts}`)
  return trace
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null // the caller says what was expected
  }
}

function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function invalid(what: string): CliError {
  return new CliError('trace-invalid', `routing trace: ${what}`)
}
