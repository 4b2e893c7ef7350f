import { KERNEL_SCRATCH_BYTES, KERNEL_SCRATCH_START } from '../../shared/core/records.ts'

const PAGE_BYTES = 65536
/** Arenas begin behind the kernels' scratch; the kernels keep no data of their own. */
export const ARENA_START = KERNEL_SCRATCH_START + KERNEL_SCRATCH_BYTES
const ALIGN = 16

/** A memory with room for an arena of `bytes`. It never grows: growing would detach every view. */
export function createMemory(bytes: number): WebAssembly.Memory {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`memory of ${bytes} bytes`)
  const pages = Math.ceil((bytes + ARENA_START) / PAGE_BYTES)
  return new WebAssembly.Memory({ initial: pages, maximum: pages })
}

/**
 * Hands out a memory from ARENA_START upwards and never takes anything back: buffers are made once, before the first token.
 * Addresses are bytes. Views are exact windows and stay valid as long as the memory.
 */
export class Arena {
  readonly memory: WebAssembly.Memory
  readonly #endBytes: number
  #next = ARENA_START

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory
    this.#endBytes = memory.buffer.byteLength
  }

  /** Bytes not yet handed out. */
  get freeBytes(): number {
    return this.#endBytes - this.#next
  }

  /** Address of `bytes` fresh bytes, a multiple of 16. Zero as long as nobody wrote there. `label` names the buffer in the error. */
  alloc(bytes: number, label: string): number {
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`arena: ${label} of ${bytes} bytes`)
    const address = this.#next
    const end = address + Math.ceil(bytes / ALIGN) * ALIGN
    if (end > this.#endBytes) throw new RangeError(`arena: ${label} needs ${bytes} bytes, ${this.freeBytes} of ${this.#endBytes} are free`)
    this.#next = end
    return address
  }

  u8(address: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, address, length)
  }

  f32(address: number, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#buffer, address, length)
  }

  u32(address: number, length: number): Uint32Array<ArrayBuffer> {
    return new Uint32Array(this.#buffer, address, length)
  }

  i32(address: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#buffer, address, length)
  }

  get #buffer(): ArrayBuffer {
    return this.memory.buffer as ArrayBuffer
  }
}
