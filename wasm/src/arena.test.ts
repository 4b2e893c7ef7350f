import { describe, expect, it } from 'vitest'
import { Arena, ARENA_START, createMemory } from './arena.ts'

describe('arena', () => {
  it('[RE4] holds what was asked for and refuses more, naming the buffer', () => {
    const arena = new Arena(createMemory(65536 * 3 - ARENA_START))
    expect(arena.memory.buffer.byteLength).toBe(65536 * 3)
    arena.alloc(arena.freeBytes - 32, 'weights')
    expect(() => arena.alloc(33, 'kv')).toThrow(/kv needs 33 bytes, 32 of 196608 are free/)
    expect(arena.alloc(32, 'kv')).toBe(65536 * 3 - 32)
    expect(arena.freeBytes).toBe(0)
    expect(() => arena.alloc(1, 'one more')).toThrow(/one more/)
  })

  it('[RE4] hands out disjoint, 16-aligned buffers above the reserved bytes', () => {
    const arena = new Arena(createMemory(1000))
    const addresses = [1, 16, 17, 0, 3].map((bytes) => arena.alloc(bytes, 'buffer'))
    expect(addresses).toEqual([ARENA_START, ARENA_START + 16, ARENA_START + 32, ARENA_START + 64, ARENA_START + 64])
  })

  it('[RE4] refuses sizes that are no sizes', () => {
    const arena = new Arena(createMemory(1000))
    for (const bytes of [-1, 1.5, NaN, Infinity, 2 ** 60]) {
      expect(() => arena.alloc(bytes, 'bad')).toThrow(RangeError)
    }
    expect(() => createMemory(NaN)).toThrow(RangeError)
    expect(() => createMemory(-1)).toThrow(RangeError)
  })

  it('[RE4] cannot grow, so views stay valid', () => {
    expect(() => createMemory(1000).grow(1)).toThrow(RangeError)
  })

  it('[RE1] views are exact windows of the memory', () => {
    const arena = new Arena(createMemory(1000))
    const address = arena.alloc(32, 'window')
    const bytes = arena.u8(address, 8)
    arena.f32(address, 2).set([1, -2])
    expect([...arena.u32(address, 2)]).toEqual([0x3f800000, 0xc0000000])
    expect([...arena.i32(address + 4, 1)]).toEqual([0xc0000000 | 0])
    expect([bytes.length, bytes[3]]).toEqual([8, 0x3f])
    expect(() => arena.u8(address, 1 << 20)).toThrow(RangeError)
  })
})
