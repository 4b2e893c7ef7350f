import { fail, isMoeError, moeError } from './errors.ts'
import type { MoeError } from './errors.ts'
import { toHex } from './hex.ts'
import { PROTOCOL_VERSION } from './host-api.ts'
import { LIMITS } from './limits.ts'
import { ok } from './result.ts'
import type { Result } from './result.ts'

/**
 * Binary frames between engine and host, little-endian. Layout: docs/design/wire.md. Rules: SPEC WI2, WI3.
 *
 *   run   header | experts × {expert u32, pairs u32} | pairs × token u32 | pad to 16 | tokens × rowBytes of activations
 *   rows  header | pairs × rowBytes of f32 rows, in the pair order of the run frame
 *   error header | rowBytes of JSON: one MoeError
 *
 * A pair is (token of this frame, expert). Pairs are grouped by expert, experts ascending.
 */
const MAGIC = 0x314d5349
const KIND = { run: 1, rows: 2, error: 3 } as const
const AT = { magic: 0, version: 4, kind: 6, sequence: 8, layer: 12, epoch: 16, tokens: 20, pairs: 24, experts: 28, rowBytes: 32, isolate: 36 } as const
const HEADER_FIELDS = ['sequence', 'layer', 'epoch', 'tokens', 'pairs', 'experts', 'rowBytes'] as const
/** What a reply repeats of its request. */
const ECHOED_FIELDS = ['sequence', 'layer', 'epoch', 'pairs'] as const
const HEADER_BYTES = 48
const EXPERT_BYTES = 8
/** Of an error about a frame whose own number could not be read. Run frames count from 1. */
export const NO_SEQUENCE = 0

/** Of a placement: what the field of a frame holds. */
export const EPOCH_MAX = 2 ** 32 - 1

export interface RunHeader {
  readonly sequence: number
  readonly layer: number
  readonly epoch: number
  /** Activations sent; every pair names one of them. */
  readonly tokens: number
  readonly pairs: number
  readonly experts: number
  /** Bytes of one token's activations. */
  readonly rowBytes: number
}

export interface RunFrame extends RunHeader {
  readonly expertIds: Uint32Array
  /** Pairs of each expert, in the order of `expertIds`. */
  readonly expertPairs: Uint32Array
  /** Token of each pair, an index below `tokens`. */
  readonly pairTokens: Uint32Array
  /** [tokens, rowBytes], a view of the frame. */
  readonly activations: Uint8Array
}

export interface RowsFrame {
  /** Which isolate answered. Read on demand: a reply a layer does not need it. */
  isolateId(): string
  /** [pairs, rowBytes], a view of the frame. */
  readonly rows: Uint8Array
}

/** An empty run frame of the right size, and views of the parts that the caller fills. */
export function createRunFrame(header: RunHeader): { frame: Uint8Array; experts: Uint32Array; pairTokens: Uint32Array; activations: Uint8Array } {
  const tables = header.experts * EXPERT_BYTES + header.pairs * 4
  const body = align16(HEADER_BYTES + tables)
  const frame = new Uint8Array(body + header.tokens * header.rowBytes)
  writeHeader(frame, KIND.run, header, '')
  return {
    frame,
    experts: new Uint32Array(frame.buffer, HEADER_BYTES, header.experts * 2),
    pairTokens: new Uint32Array(frame.buffer, HEADER_BYTES + header.experts * EXPERT_BYTES, header.pairs),
    activations: new Uint8Array(frame.buffer, body, header.tokens * header.rowBytes),
  }
}

/** [experts × 2] ids and pair counts of a run frame of one's own. */
export function expertTable(frame: Uint8Array, { experts }: RunHeader): Uint32Array {
  return new Uint32Array(frame.buffer, frame.byteOffset + HEADER_BYTES, experts * 2)
}

/** Reads a run frame. Every count is bounded and the length must be exact. Never throws. */
export function parseRunFrame(bytes: Uint8Array): Result<RunFrame, MoeError> {
  if (!(bytes instanceof Uint8Array)) return invalid('length', 0, HEADER_BYTES) // RPC checks no types
  const header = readHeader(bytes, KIND.run)
  if (!header.ok) return header
  const { tokens, pairs, experts, rowBytes } = header.value
  if (tokens < 1 || tokens > LIMITS.frameTokensMax) return invalid('tokens', tokens, LIMITS.frameTokensMax)
  if (pairs < 1 || pairs > LIMITS.framePairsMax) return invalid('pairs', pairs, LIMITS.framePairsMax)
  if (experts < 1 || experts > LIMITS.expertsMax) return invalid('experts', experts, LIMITS.expertsMax)
  if (rowBytes < 1 || rowBytes > LIMITS.hiddenMax * 4) return invalid('rowBytes', rowBytes, LIMITS.hiddenMax * 4)
  const body = align16(HEADER_BYTES + experts * EXPERT_BYTES + pairs * 4)
  const want = body + tokens * rowBytes
  if (bytes.byteLength !== want) return invalid('length', bytes.byteLength, want)
  return parseTables(bytes, header.value, body)
}

/** An empty reply to a run frame, and the view that takes its rows [pairs, rowBytes]. */
export function createRowsFrame(request: RunHeader, rowBytes: number, isolateId: string): { frame: Uint8Array; rows: Uint8Array } {
  const frame = new Uint8Array(HEADER_BYTES + request.pairs * rowBytes)
  writeHeader(frame, KIND.rows, { ...request, rowBytes }, isolateId)
  return { frame, rows: new Uint8Array(frame.buffer, HEADER_BYTES, request.pairs * rowBytes) }
}

/** The reply that carries an error instead of rows. */
export function buildErrorFrame(sequence: number, isolateId: string, error: MoeError): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(error))
  const frame = new Uint8Array(HEADER_BYTES + json.byteLength)
  writeHeader(frame, KIND.error, { sequence, layer: 0, epoch: 0, tokens: 0, pairs: 0, experts: 0, rowBytes: json.byteLength }, isolateId)
  frame.set(json, HEADER_BYTES)
  return frame
}

/** Reads the reply to `request`: rows of `rowBytes` each, the host's own error, or `frame-invalid` where the reply is not the request's. */
export function parseReply(bytes: Uint8Array, request: RunHeader, rowBytes: number): Result<RowsFrame, MoeError> {
  if (bytes.byteLength >= HEADER_BYTES && view(bytes).getUint16(AT.kind, true) === KIND.error) return parseError(bytes, request)
  const header = readHeader(bytes, KIND.rows)
  if (!header.ok) return header
  for (const field of ECHOED_FIELDS) {
    if (header.value[field] !== request[field]) return invalid(field, header.value[field], request[field])
  }
  if (header.value.rowBytes !== rowBytes) return invalid('rowBytes', header.value.rowBytes, rowBytes)
  const want = HEADER_BYTES + request.pairs * rowBytes
  if (bytes.byteLength !== want) return invalid('length', bytes.byteLength, want)
  return ok({ isolateId: () => readIsolate(bytes), rows: bytes.subarray(HEADER_BYTES) })
}

function parseTables(bytes: Uint8Array, header: RunHeader, body: number): Result<RunFrame, MoeError> {
  const at = view(bytes)
  const expertIds = new Uint32Array(header.experts)
  const expertPairs = new Uint32Array(header.experts)
  let pairs = 0
  for (let i = 0; i < header.experts; i++) {
    const expert = at.getUint32(HEADER_BYTES + i * EXPERT_BYTES, true)
    const count = at.getUint32(HEADER_BYTES + i * EXPERT_BYTES + 4, true)
    if (expert >= LIMITS.expertsMax || (i > 0 && expert <= expertIds[i - 1]!)) return invalid('expert', expert, LIMITS.expertsMax)
    if (count < 1 || count > header.tokens) return invalid('expertPairs', count, header.tokens)
    expertIds[i] = expert
    expertPairs[i] = count
    pairs += count
  }
  if (pairs !== header.pairs) return invalid('pairs', pairs, header.pairs)
  const pairTokens = new Uint32Array(header.pairs)
  const start = HEADER_BYTES + header.experts * EXPERT_BYTES
  for (let i = 0; i < header.pairs; i++) {
    const token = at.getUint32(start + i * 4, true)
    if (token >= header.tokens) return invalid('token', token, header.tokens)
    pairTokens[i] = token
  }
  return ok({ ...header, expertIds, expertPairs, pairTokens, activations: bytes.subarray(body) })
}

function parseError(bytes: Uint8Array, request: RunHeader): Result<never, MoeError> {
  const header = readHeader(bytes, KIND.error)
  if (!header.ok) return header
  const { sequence } = header.value
  if (sequence !== request.sequence && sequence !== NO_SEQUENCE) return invalid('sequence', sequence, request.sequence)
  if (bytes.byteLength !== HEADER_BYTES + header.value.rowBytes) return invalid('length', bytes.byteLength, HEADER_BYTES + header.value.rowBytes)
  const error = parseJson(new TextDecoder().decode(bytes.subarray(HEADER_BYTES)))
  return { ok: false, error: isMoeError(error) ? error : moeError('internal', 'the host answered with an error that has no code', {}) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // the caller reports an error without a code
  }
}

function writeHeader(frame: Uint8Array, kind: number, header: RunHeader, isolateId: string): void {
  const at = view(frame)
  at.setUint32(AT.magic, MAGIC, true)
  at.setUint16(AT.version, PROTOCOL_VERSION, true)
  at.setUint16(AT.kind, kind, true)
  for (const field of HEADER_FIELDS) at.setUint32(AT[field], header[field], true)
  for (let i = 0; i < isolateId.length / 2; i++) at.setUint8(AT.isolate + i, parseInt(isolateId.slice(2 * i, 2 * i + 2), 16))
}

function readHeader(bytes: Uint8Array, kind: number): Result<RunHeader, MoeError> {
  if (bytes.byteLength < HEADER_BYTES) return invalid('length', bytes.byteLength, HEADER_BYTES)
  if (bytes.byteLength > LIMITS.frameBytesMax) return invalid('length', bytes.byteLength, LIMITS.frameBytesMax)
  const at = view(bytes)
  if (at.getUint32(AT.magic, true) !== MAGIC) return invalid('magic', at.getUint32(AT.magic, true), MAGIC)
  if (at.getUint16(AT.version, true) !== PROTOCOL_VERSION) return invalid('version', at.getUint16(AT.version, true), PROTOCOL_VERSION)
  if (at.getUint16(AT.kind, true) !== kind) return invalid('kind', at.getUint16(AT.kind, true), kind)
  const field = (name: 'sequence' | 'layer' | 'epoch' | 'tokens' | 'pairs' | 'experts' | 'rowBytes') => at.getUint32(AT[name], true)
  return ok({
    sequence: field('sequence'),
    layer: field('layer'),
    epoch: field('epoch'),
    tokens: field('tokens'),
    pairs: field('pairs'),
    experts: field('experts'),
    rowBytes: field('rowBytes'),
  })
}

/** Twelve bytes as hex: the host's module-scope id. */
function readIsolate(bytes: Uint8Array): string {
  return toHex(bytes.subarray(AT.isolate, HEADER_BYTES))
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function align16(bytes: number): number {
  return (bytes + 15) & ~15
}

function invalid(field: string, got: number, limit: number): { readonly ok: false; readonly error: MoeError } {
  return fail('frame-invalid', `frame: ${field} is ${got}, expected ${limit} or within it`, { field, got, limit })
}
