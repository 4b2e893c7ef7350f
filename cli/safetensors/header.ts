import { shown } from '../../shared/core/families/config-fields.ts'
import { CliError, printable } from '../errors.ts'
import { decodeUtf8, isJsonObject, parseJson } from '../source-folder.ts'

/** Element types that hold weights. Quantised checkpoints (F8, I8, …) are not read. */
export const DTYPE_BYTES = { BF16: 2, F16: 2, F32: 4 } as const
export type Dtype = keyof typeof DTYPE_BYTES

/** The bound of the reference reader (safetensors, Rust). */
const HEADER_BYTES_MAX = 100 * 1024 * 1024
/** Four times the tensors of the largest published MoE (about 70,000). */
export const TENSORS_MAX = 1 << 18
const RANK_MAX = 8
const NAME_CHARS_MAX = 512
/** A header is this long before its JSON: its length as u64. */
const PREFIX_BYTES = 8

/** One tensor of a file, row-major, little-endian. */
export interface TensorInfo {
  readonly name: string
  readonly file: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly elements: number
  /** First byte in the file, header included. */
  readonly begin: number
  readonly bytes: number
}

/** Length of the JSON that follows the first 8 bytes; refuses what cannot be in a file of `fileBytes`. */
export function headerBytes(prefix: Uint8Array, fileBytes: number, file: string): number {
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength).getBigUint64(0, true)
  if (length > BigInt(HEADER_BYTES_MAX)) refuse(file, `its header would have ${length} bytes, at most ${HEADER_BYTES_MAX} are allowed`)
  if (Number(length) > fileBytes - PREFIX_BYTES) refuse(file, `it is truncated: its header has ${length} bytes, the file ${fileBytes}`)
  return Number(length)
}

/**
 * The tensors of a safetensors file, by name. Every number is checked before it is used: known dtype, shape × element size = bytes, and the
 * tensors together are the data without gap or overlap, so a file that is too short or too long is refused as a whole. SPEC PK5, PK7.
 * @param json the header, `headerBytes` long.
 */
export function parseHeader(json: Uint8Array, fileBytes: number, file: string): TensorInfo[] {
  const header = parseJson(decodeUtf8(json, file), `the header of ${file}`)
  if (!isJsonObject(header)) refuse(file, 'its header is not a JSON object')
  const fields = Object.entries(header).filter(([name]) => name !== '__metadata__')
  if (fields.length > TENSORS_MAX) refuse(file, `it has ${fields.length} tensors, at most ${TENSORS_MAX} are allowed`)
  const dataBegin = PREFIX_BYTES + json.byteLength
  const tensors = fields.map(([name, fieldOfName]) => parseTensor(name, fieldOfName, dataBegin, file))
  checkCover(tensors, dataBegin, fileBytes, file)
  return tensors
}

function parseTensor(name: string, field: unknown, dataBegin: number, file: string): TensorInfo {
  const where = `tensor ${printable(name.slice(0, NAME_CHARS_MAX))}`
  if (name.length === 0 || name.length > NAME_CHARS_MAX) refuse(file, `${where} has a name of ${name.length} characters`)
  if (!isJsonObject(field)) refuse(file, `${where} is not described by an object`)
  const { dtype, shape, data_offsets: offsets } = field
  if (!isDtype(dtype)) refuse(file, `${where} has the type ${shown(dtype)}; only ${Object.keys(DTYPE_BYTES).join(', ')} can be packed`)
  if (!isNaturals(shape) || shape.length > RANK_MAX) refuse(file, `${where} has no valid shape`)
  if (!isNaturals(offsets) || offsets.length !== 2) refuse(file, `${where} has no valid data_offsets`)
  const [begin, end] = offsets as [number, number]
  const elements = shape.reduce((product, size) => product * size, 1)
  const bytes = elements * DTYPE_BYTES[dtype]
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes)
    refuse(file, `${where} of ${dtype} [${shape.join(', ')}] does not have the ${end - begin} bytes of its data_offsets`)
  return { name, file, dtype, shape, elements, begin: dataBegin + begin, bytes }
}

function checkCover(tensors: readonly TensorInfo[], dataBegin: number, fileBytes: number, file: string): void {
  let at = dataBegin
  for (const tensor of tensors.toSorted((a, b) => a.begin - b.begin || a.bytes - b.bytes)) {
    if (tensor.begin !== at)
      refuse(file, `tensor ${printable(tensor.name)} ${tensor.begin < at ? 'overlaps another' : 'follows a gap'} at byte ${Math.min(at, tensor.begin)}`)
    at += tensor.bytes
  }
  if (at > fileBytes) refuse(file, `it is truncated: its tensors end at byte ${at}, the file at ${fileBytes}`)
  if (at < fileBytes) refuse(file, `it has ${fileBytes - at} bytes after its last tensor`)
}

function refuse(file: string, reason: string): never {
  throw new CliError('checkpoint-invalid', `${file}: ${reason}`)
}

function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(DTYPE_BYTES, value)
}

function isNaturals(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
}
