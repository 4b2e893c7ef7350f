import type { ByteSource, SourceFolder } from '../source-folder.ts'

/** A tensor to be stored. */
export interface TensorData {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** A safetensors file with any header, true or not. */
export function rawSafetensors(header: unknown, data: Uint8Array): Uint8Array {
  return withHeader(new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header)), data)
}

/** A valid safetensors file: data in the order of the map. */
export function buildSafetensors(tensors: ReadonlyMap<string, TensorData>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  const data: Uint8Array[] = []
  let at = 0
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.byteLength] }
    data.push(bytes)
    at += bytes.byteLength
  }
  return rawSafetensors(header, concat(data))
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

/** A folder in memory; `onRead` sees every read. */
export function memoryFolder(files: Readonly<Record<string, Uint8Array>>, onRead: (file: string, bytes: number) => void = () => undefined): SourceFolder {
  const source = (file: string): ByteSource => ({
    bytes: files[file]!.byteLength,
    read: async (into, position) => {
      onRead(file, into.byteLength)
      into.set(files[file]!.subarray(position, position + into.byteLength))
    },
    close: async () => undefined,
  })
  return { has: async (file) => file in files, open: async (file) => source(file) }
}

function withHeader(json: Uint8Array, data: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(8)
  new DataView(prefix.buffer).setBigUint64(0, BigInt(json.byteLength), true)
  return concat([prefix, json, data])
}
