import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError, printable } from '../errors.ts'
import { readJson } from '../source-folder.ts'
import type { ByteSource, SourceFolder } from '../source-folder.ts'
import { convertToF32 } from './convert.ts'
import { DTYPE_BYTES, headerBytes, parseHeader, TENSORS_MAX } from './header.ts'
import type { TensorInfo } from './header.ts'
import { checkShards, parseWeightMap, shardNames } from './shard-index.ts'

const SINGLE_FILE = 'model.safetensors'
const INDEX_FILE = 'model.safetensors.index.json'
/** 262,144 tensors of 250 characters. */
const INDEX_BYTES_MAX = 64 * 1024 * 1024

/** The tensors of a checkpoint, read row by row. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, TensorInfo>
  /**
   * Rows of a tensor seen as [elements / cols, cols], as f32.
   * @param into [rows, cols], filled. Never more than LIMITS.chunkBytes of the file are held beside it.
   * Refuses a tensor with an infinite or NaN value in these rows by its name.
   */
  readRows(tensor: string, rowOffset: number, rows: number, cols: number, into: Float32Array): Promise<void>
  close(): Promise<void>
}

/** Opens model.safetensors, or the shards of model.safetensors.index.json; reads headers only. */
export async function openCheckpoint(folder: SourceFolder): Promise<Checkpoint> {
  if (await folder.has(SINGLE_FILE)) return openFiles(folder, [SINGLE_FILE], () => undefined)
  const index = await readJson(folder, INDEX_FILE, INDEX_BYTES_MAX)
  if (!index) throw new CliError('checkpoint-invalid', `the folder has neither ${SINGLE_FILE} nor ${INDEX_FILE}`)
  const map = parseWeightMap(index.value, INDEX_FILE)
  return openFiles(folder, shardNames(map, INDEX_FILE), (tensors) => checkShards(map, tensors, INDEX_FILE))
}

async function openFiles(folder: SourceFolder, files: readonly string[], check: (tensors: readonly TensorInfo[]) => void): Promise<Checkpoint> {
  const sources = new Map<string, ByteSource>()
  const close = async () => {
    for (const source of sources.values()) await source.close()
  }
  try {
    let tensors: TensorInfo[] = []
    for (const file of files) {
      const source = await folder.open(file)
      sources.set(file, source)
      tensors = tensors.concat(await readHeader(source, file))
      if (tensors.length > TENSORS_MAX)
        throw new CliError('checkpoint-invalid', `the shards up to ${file} hold ${tensors.length} tensors, at most ${TENSORS_MAX} are allowed`)
    }
    check(tensors)
    return checkpointOf(tensors, sources, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function readHeader(source: ByteSource, file: string): Promise<TensorInfo[]> {
  const prefix = new Uint8Array(8)
  await source.read(prefix, 0)
  const json = new Uint8Array(headerBytes(prefix, source.bytes, file))
  await source.read(json, prefix.byteLength)
  return parseHeader(json, source.bytes, file)
}

function checkpointOf(list: readonly TensorInfo[], sources: ReadonlyMap<string, ByteSource>, close: () => Promise<void>): Checkpoint {
  const tensors = new Map(list.map((tensor) => [tensor.name, tensor]))
  const chunk = new Uint8Array(LIMITS.chunkBytes)
  return {
    tensors,
    close,
    readRows: async (name, rowOffset, rows, cols, into) => {
      const tensor = tensors.get(name)
      if (!tensor || (rowOffset + rows) * cols > tensor.elements || into.length !== rows * cols)
        throw new RangeError(`rows ${rowOffset} + ${rows} of ${cols} are not in tensor ${name}`)
      await readElements(sources.get(tensor.file)!, tensor, rowOffset * cols, into, chunk)
    },
  }
}

async function readElements(source: ByteSource, tensor: TensorInfo, from: number, into: Float32Array, chunk: Uint8Array): Promise<void> {
  const size = DTYPE_BYTES[tensor.dtype]
  const chunkElements = chunk.byteLength / size
  for (let done = 0; done < into.length; done += chunkElements) {
    const part = into.subarray(done, done + chunkElements)
    const bytes = chunk.subarray(0, part.length * size)
    await source.read(bytes, tensor.begin + (from + done) * size)
    const bad = convertToF32(tensor.dtype, bytes, part)
    if (bad >= 0) throw new CliError('checkpoint-invalid', `tensor ${printable(tensor.name)} has an infinite or NaN value at element ${from + done + bad}`)
  }
}
