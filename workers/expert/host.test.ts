import { setImmediate } from 'node:timers/promises'
import { beforeAll, expect, it } from 'vitest'
import { quantizeActivations } from '../../shared/core/activations.ts'
import { xRecordsBytes } from '../../shared/core/layout.ts'
import { expertSlotBytes } from '../../shared/placement/expert-bytes.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { createRunFrame, parseReply } from '../../shared/protocol/frame.ts'
import type { RowsFrame } from '../../shared/protocol/frame.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { hostPlatform, memoryStore } from '../../test/fixtures/memory-store.ts'
import { loadTinyPack } from '../../test/fixtures/load-tiny-pack.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import type { KernelModules } from '../../wasm/src/kernels.ts'
import { createHostMemory } from './host-memory.ts'
import { createExpertHost } from './host.ts'

const OUT_BYTES = 64 * 4
const ALL = [0, 1].flatMap((layer) => [0, 1, 2, 3].map((expert) => [layer, expert] as const))

let objects: ReadonlyMap<string, Uint8Array>
let manifest: Manifest
let modules: KernelModules

beforeAll(async () => {
  ;({ manifest, modules, objects } = await loadTinyPack())
})

/** A host with room for `slots` experts, over a store that counts what is under way. */
function openHost(slots: number, experts: readonly (readonly [number, number])[] = ALL, stored = objects) {
  const { store, asked, seen } = memoryStore(stored)
  const memory = createHostMemory(TINY_SPEC, 'q8', slots * expertSlotBytes(TINY_SPEC, 'q8'), modules, 'auto')
  const host = createExpertHost({ ...hostPlatform(store), manifest, tier: 'q8', memory, isolateId: '00'.repeat(12) })
  return { asked, seen, memory, run: (layer: number, ids: readonly number[], assigned = experts) => run(host, layer, ids, assigned) }
}

async function run(
  host: ReturnType<typeof createExpertHost>,
  layer: number,
  ids: readonly number[],
  experts: readonly (readonly [number, number])[],
): Promise<Result<RowsFrame, MoeError>> {
  const assignment = host.open({ protocolVersion: PROTOCOL_VERSION, model: 'tiny', digest: manifest.digest, tier: 'q8', epoch: 1, experts })
  if (!assignment.ok) return assignment
  const header = { sequence: 1, layer, epoch: 1, tokens: 1, pairs: ids.length, experts: ids.length, rowBytes: xRecordsBytes(TINY_SPEC.hidden) }
  const { frame, experts: table, activations } = createRunFrame(header)
  table.set(ids.flatMap((expert) => [expert, 1]))
  quantizeActivations(
    Float32Array.from({ length: TINY_SPEC.hidden }, (_, i) => Math.cos(i)),
    TINY_SPEC.hidden,
    activations,
  )
  const reply = parseReply(await host.run(frame, assignment.value), header, OUT_BYTES)
  assignment.value.close()
  return reply
}

it('[RE3] concurrent first uses of an expert load it once', async () => {
  const { run: ask, asked, memory } = openHost(8)
  const replies = await Promise.all([ask(0, [0, 1]), ask(0, [1]), ask(0, [0, 1])])
  expect(replies.every((reply) => reply.ok)).toBe(true)
  expect(asked).toHaveLength(1) // both lie side by side: one read
  expect(memory.slots.residentCount).toBe(2)
})

it('[RE1] frames that miss many experts share one bound on reads under way', async () => {
  const { run: ask, seen } = openHost(8)
  const replies = await Promise.all([ask(0, [0, 3]), ask(1, [0, 2]), ask(1, [1, 3]), ask(0, [1, 2])])
  expect(replies.every((reply) => reply.ok)).toBe(true)
  expect(seen.underWayMax).toBeLessThanOrEqual(LIMITS.readsInFlight)
})

it('[RE2] a corrupt expert fails alone: a frame that waits for another of the same reads is answered', async () => {
  const spoilt = objects.get('experts-0.bin')!.slice()
  const { offset } = manifest.experts[1]!.hi!
  spoilt[offset + 7]! ^= 1
  const { run: ask, memory, asked } = openHost(8, ALL, new Map(objects).set('experts-0.bin', spoilt))
  const [both, good] = await Promise.all([ask(0, [0, 1]), ask(0, [0])])
  expect(both).toMatchObject({ ok: false, error: { code: 'weights-corrupt', details: { object: 'experts-0.bin', offset } } })
  expect(good).toMatchObject({ ok: true })
  expect(asked).toHaveLength(1)
  expect(memory.slots.weightsOf(0, 1)).toBeNull()
  expect(memory.slots.residentCount).toBe(1)
  expect(memory.slots.take()).not.toBeNull()
})

it('[RE4] what finds the arena full of loads waits for one of them to be given up', async () => {
  const spoilt = objects.get('experts-0.bin')!.slice()
  spoilt[manifest.experts[1]!.hi!.offset]! ^= 1
  const { run: ask, memory } = openHost(2, ALL, new Map(objects).set('experts-0.bin', spoilt))
  const later = [[1, 3] as const]
  const replies = await Promise.all([ask(0, [0, 1]), ask(1, [3], later)])
  expect(replies[0]).toMatchObject({ ok: false, error: { code: 'weights-corrupt' } })
  expect(replies[1]).toMatchObject({ ok: true })
  expect(memory.slots.weightsOf(1, 3)).not.toBeNull()
})

it('[RE4] a full arena refuses by bytes, and what is resident goes on', async () => {
  const { run: ask, memory } = openHost(2)
  expect(await ask(0, [0, 1])).toMatchObject({ ok: true })
  expect(await ask(0, [2])).toMatchObject({ ok: false, error: { code: 'over-budget', details: { part: 'arena', budgetBytes: memory.arenaBytes } } })
  expect(await ask(0, [0, 1])).toMatchObject({ ok: true })
  expect(memory.slots.residentBytes).toBeLessThanOrEqual(memory.arenaBytes)
})

it('[RE4] room is made by what a later assignment no longer has', async () => {
  const { run: ask, memory } = openHost(2)
  expect(await ask(0, [0, 1])).toMatchObject({ ok: true })
  const later = [[0, 1] as const, [1, 3] as const]
  expect(await ask(1, [3], later)).toMatchObject({ ok: true })
  expect(memory.slots.weightsOf(0, 0)).toBeNull()
  expect(memory.slots.weightsOf(0, 1)).not.toBeNull()
})

it('[WI4] an expert outside the assignment is not-resident, even where its weights still lie', async () => {
  const { run: ask } = openHost(8)
  expect(await ask(0, [0])).toMatchObject({ ok: true })
  expect(await ask(0, [0], [[0, 1]])).toMatchObject({ ok: false, error: { code: 'not-resident', details: { layer: 0, expert: 0 } } })
})

it('[RE5] slots of a load whose object died are free again, and the dead load cannot publish', () => {
  const { memory } = openHost(2)
  const ticket = memory.slots.take()!
  memory.slots.reclaim()
  memory.slots.publish(0, 0, ticket)
  expect(memory.slots.residentCount).toBe(0)
  memory.slots.release(ticket)
  expect([memory.slots.take(), memory.slots.take(), memory.slots.take()].filter((slot) => slot !== null)).toHaveLength(2)
})

it('[RE5] a load that goes on after its object died writes nothing into a slot that others have', async () => {
  const gate = Promise.withResolvers<void>()
  const { store } = memoryStore(objects)
  const held: RangeStore = {
    async open(object, offset, bytes) {
      const body = (await store.open(object, offset, bytes))!
      return {
        ...body,
        async next() {
          await gate.promise
          return body.next()
        },
      }
    },
  }
  const memory = createHostMemory(TINY_SPEC, 'q8', expertSlotBytes(TINY_SPEC, 'q8'), modules, 'auto')
  const hostOn = (from: RangeStore) => createExpertHost({ ...hostPlatform(from), manifest, tier: 'q8', memory, isolateId: '00'.repeat(12) })
  const died = run(hostOn(held), 0, [0], ALL)
  await setImmediate() // its read is under way, in the only slot
  const next = hostOn(store)
  const alone = await run(next, 1, [2], ALL)
  gate.resolve()
  expect(await died).toMatchObject({ ok: false, error: { code: 'storage-unavailable' } })
  expect(bytesOf(await run(next, 1, [2], ALL))).toEqual(bytesOf(alone))
})

function bytesOf(reply: Result<RowsFrame, MoeError>): Uint8Array {
  if (!reply.ok) throw new Error(reply.error.message)
  return reply.value.rows.slice()
}

it('[WI2] a frame for a layer without experts, or with another width, is refused by name', async () => {
  const { run: ask } = openHost(2)
  expect(await ask(7, [0])).toMatchObject({ ok: false, error: { code: 'frame-invalid', details: { field: 'layer' } } })
})
