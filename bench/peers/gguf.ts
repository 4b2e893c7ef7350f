/** Types of GGUF values and tensors that the writer knows. Source: the GGUF specification, version 3 (ggml, docs/gguf.md). */
const VALUE_TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const
const VERSION = 3
/** Tensor data, and each tensor in it, begins at a multiple of this (`general.alignment`'s default). */
const ALIGN_BYTES = 32

export const GGML_TYPES = {
  f32: { id: 0, blockWeights: 1, blockBytes: 4 },
  q4_0: { id: 2, blockWeights: 32, blockBytes: 18 },
  q8_0: { id: 8, blockWeights: 32, blockBytes: 34 },
} as const
export type GgmlType = keyof typeof GGML_TYPES

export type GgufValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly i32s: readonly number[] }

/** `dims`: fastest first, as GGUF has it, so a matrix is [columns, rows]. */
export interface GgufTensor {
  readonly name: string
  readonly type: GgmlType
  readonly dims: readonly number[]
}

/** Bytes of a tensor's data. Throws where a row is not whole blocks. */
export function tensorBytes({ name, type, dims }: GgufTensor): number {
  const { blockWeights, blockBytes } = GGML_TYPES[type]
  if (dims[0]! % blockWeights !== 0) throw new RangeError(`${name}: rows of ${dims[0]} are not blocks of ${blockWeights}`)
  return (dims.reduce((product, n) => product * n, 1) / blockWeights) * blockBytes
}

/** Zeros after a tensor's data, up to the next one. */
export function paddingBytes(tensor: GgufTensor): number {
  return aligned(tensorBytes(tensor)) - tensorBytes(tensor)
}

/** Everything before the tensors' data, padded: header, metadata and the table of tensors, whose data follows in this order. */
export function ggufHeader(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Uint8Array {
  const out = new ByteWriter()
  out.ascii('GGUF').u32(VERSION).u64(tensors.length).u64(metadata.size)
  for (const [key, value] of metadata) writeValue(out.string(key), value)
  let offset = 0
  for (const tensor of tensors) {
    out.string(tensor.name).u32(tensor.dims.length)
    for (const n of tensor.dims) out.u64(n)
    out.u32(GGML_TYPES[tensor.type].id).u64(offset)
    offset += aligned(tensorBytes(tensor))
  }
  return out.padded(ALIGN_BYTES)
}

function writeValue(out: ByteWriter, value: GgufValue): void {
  if ('u32' in value) out.u32(VALUE_TYPE.u32).u32(value.u32)
  else if ('f32' in value) out.u32(VALUE_TYPE.f32).f32(value.f32)
  else if ('bool' in value) out.u32(VALUE_TYPE.bool).u8(value.bool ? 1 : 0)
  else if ('string' in value) out.u32(VALUE_TYPE.string).string(value.string)
  else if ('strings' in value) {
    out.u32(VALUE_TYPE.array).u32(VALUE_TYPE.string).u64(value.strings.length)
    for (const text of value.strings) out.string(text)
  } else {
    out.u32(VALUE_TYPE.array).u32(VALUE_TYPE.i32).u64(value.i32s.length)
    for (const number of value.i32s) out.i32(number)
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES
}

/** Little-endian numbers and length-prefixed strings, one after the other. */
class ByteWriter {
  #bytes = new Uint8Array(1 << 16)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  u8(value: number): this {
    return this.#number(1, (view, at) => view.setUint8(at, value))
  }

  u32(value: number): this {
    return this.#number(4, (view, at) => view.setUint32(at, value, true))
  }

  i32(value: number): this {
    return this.#number(4, (view, at) => view.setInt32(at, value, true))
  }

  f32(value: number): this {
    return this.#number(4, (view, at) => view.setFloat32(at, value, true))
  }

  u64(value: number): this {
    return this.#number(8, (view, at) => view.setBigUint64(at, BigInt(value), true))
  }

  ascii(text: string): this {
    return this.#put(new TextEncoder().encode(text))
  }

  string(text: string): this {
    const bytes = new TextEncoder().encode(text)
    return this.u64(bytes.byteLength).#put(bytes)
  }

  /** All of it, with zeros up to a multiple of `align`. */
  padded(align: number): Uint8Array {
    this.#take((align - (this.#length % align)) % align)
    return this.#bytes.slice(0, this.#length)
  }

  #number(bytes: number, set: (view: DataView, at: number) => void): this {
    const at = this.#take(bytes) // first: it may move the view
    set(this.#view, at)
    return this
  }

  #put(bytes: Uint8Array): this {
    const at = this.#take(bytes.byteLength)
    this.#bytes.set(bytes, at)
    return this
  }

  /** Where the next `bytes` go; they are zero. */
  #take(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.byteLength))
      larger.set(this.#bytes)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return at
  }
}
