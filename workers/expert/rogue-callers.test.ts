import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { quantizeActivations } from '../../shared/core/activations.ts'
import { xRecordsBytes } from '../../shared/core/layout.ts'
import { expertSlotBytes } from '../../shared/placement/expert-bytes.ts'
import { createRunFrame, parseReply } from '../../shared/protocol/frame.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { ExpertOrder, ExpertRef, Hello } from '../../shared/protocol/host-api.ts'
import { hostileValue } from '../../test/contract/hostile-values.ts'
import { hostPlatform, memoryStore } from '../../test/fixtures/memory-store.ts'
import { loadTinyPack } from '../../test/fixtures/load-tiny-pack.ts'
import type { LoadedTinyPack } from '../../test/fixtures/load-tiny-pack.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import { createHostMemory } from './host-memory.ts'
import { createExpertHost } from './host.ts'
import type { Assignment } from './host-sessions.ts'

const CHECK = { seed: 20_261_122, numRuns: 300 }
const REFUSALS = ['frame-invalid', 'hello-mismatch', 'not-resident', 'over-budget']
const GIVEN: readonly ExpertRef[] = [[0, 0], [0, 1], [1, 2]] // prettier-ignore
const HEADER = { sequence: 7, layer: 0, epoch: 1, tokens: 1, pairs: 2, experts: 2, rowBytes: xRecordsBytes(TINY_SPEC.hidden) }

let pack: LoadedTinyPack

beforeAll(async () => {
  pack = await loadTinyPack()
})

function named(experts: readonly ExpertRef[]): Hello & ExpertOrder {
  return { protocolVersion: PROTOCOL_VERSION, model: 'tiny', digest: pack.manifest.digest, tier: 'q8', epoch: 1, experts }
}

/** A host with room for six of its eight experts, and an open session of three. */
function rogueTarget() {
  const { manifest, modules, objects } = pack
  const memory = createHostMemory(TINY_SPEC, 'q8', 6 * expertSlotBytes(TINY_SPEC, 'q8'), modules, 'auto')
  const host = createExpertHost({ ...hostPlatform(memoryStore(objects).store), manifest, tier: 'q8', memory, isolateId: '00'.repeat(12) })
  const opened = host.open(named(GIVEN))
  if (!opened.ok) throw new Error(opened.error.message)
  return { host, memory, session: opened.value }
}

function goodFrame(): Uint8Array {
  const { frame, experts, activations } = createRunFrame(HEADER)
  experts.set([0, 1, 1, 1])
  quantizeActivations(
    Float32Array.from({ length: TINY_SPEC.hidden }, (_, i) => Math.cos(i)),
    TINY_SPEC.hidden,
    activations,
  )
  return frame
}

async function rowsOf({ host }: ReturnType<typeof rogueTarget>, session: Assignment): Promise<number[]> {
  const reply = parseReply(await host.run(goodFrame(), session), HEADER, 64 * 4)
  if (!reply.ok) throw new Error(reply.error.message)
  return Array.from(new Uint32Array(reply.value.rows.slice().buffer))
}

/** A good frame with bytes over written, cut off or put behind: numbers of the header among them, and floats that are none. */
const spoiltFrame = fc
  .record({
    words: fc.array(
      fc.tuple(fc.nat(40), fc.oneof(fc.constantFrom(0, 1, 2, 0x7fc00000, 0xff800000, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(), fc.nat(0xffff))),
      { maxLength: 3 },
    ),
    bytes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
    length: fc.option(fc.nat(400), { freq: 4 }),
  })
  .map(({ words, bytes, length }) => {
    const good = goodFrame()
    const at = new DataView(good.buffer, good.byteOffset, good.byteLength)
    for (const [word, value] of words) if (4 * word + 4 <= good.byteLength) at.setUint32(4 * word, value, true)
    for (const [byte, value] of bytes) good[byte % good.byteLength] = value
    if (length === null) return good
    const cut = new Uint8Array(length)
    cut.set(good.subarray(0, length))
    return cut
  })

it('[SE5] [WI2] whatever a frame says, it gets rows or a named refusal, and the next good frame has the same bits', async () => {
  const target = rogueTarget()
  const bits = await rowsOf(target, target.session)
  let refused = 0
  await fc.assert(
    fc.asyncProperty(
      fc.oneof({ weight: 5, arbitrary: spoiltFrame }, fc.uint8Array({ maxLength: 200 }), hostileValue as fc.Arbitrary<Uint8Array>),
      async (frame) => {
        const reply = await target.host.run(frame, target.session)
        expect(reply).toBeInstanceOf(Uint8Array)
        const parsed = parseReply(reply, HEADER, 64 * 4)
        if (!parsed.ok) {
          expect(REFUSALS).toContain(parsed.error.code)
          refused++
        }
        expect(await rowsOf(target, target.session)).toEqual(bits)
      },
    ),
    CHECK,
  )
  expect(refused).toBeGreaterThan(CHECK.numRuns / 4)
})

const hostileRefs = fc.oneof(
  hostileValue,
  fc.array(
    fc.oneof(
      fc.tuple(fc.integer({ min: -2, max: 5 }), fc.integer({ min: -2, max: 5 })),
      fc.constantFrom([NaN, 0], [0, Infinity], ['0', '1'], [0], [0, 1, 2], null, '0/1'),
    ),
    {
      maxLength: 12,
    },
  ),
  fc.constant(Array(5000).fill([0, 1])),
)
const hostileCall = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ field: fc.constantFrom('protocolVersion', 'model', 'digest', 'tier', 'epoch', 'experts'), value: hostileValue, refs: hostileRefs }),
  },
  { weight: 1, arbitrary: hostileValue },
)

/** A hello or an order that is right but for one field, or nothing of the kind. */
function callOf(hostile: unknown): never {
  if (typeof hostile !== 'object' || hostile === null || !('field' in hostile) || !('refs' in hostile) || !('value' in hostile)) return hostile as never
  const { field, value, refs } = hostile
  return { ...named(GIVEN), [field as string]: field === 'experts' ? refs : value } as never
}

it('[SE5] [WI1] [RE8] whatever a hello or an order says, it is refused by name or does what it may, and good callers find the same bits', async () => {
  const target = rogueTarget()
  const { host, memory } = target
  const bits = await rowsOf(target, target.session)
  const calls = ['open', 'load', 'probe', 'drain', 'drop', 'source'] as const
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...calls), hostileCall, hostileValue, async (name, hostile, peer) => {
      const call = callOf(hostile)
      const answer = name === 'open' ? host.open(call) : name === 'load' ? await host.control.load(call, peer as never) : await host.control[name](call)
      if (!answer.ok) {
        expect(REFUSALS).toContain(answer.error.code)
        expect(answer.error.message.length).toBeLessThan(300)
      } else if (name === 'open') (answer.value as Assignment).close()
      expect(memory.slots.residents().every(([layer, expert]) => layer < 2 && expert < 4)).toBe(true)
      await host.control.load(named(GIVEN), null) // a rogue may drop and drain what it names: who orders is trusted (docs/design/security.md)
      expect(await rowsOf(target, target.session)).toEqual(bits)
      await host.control.drop(named([[0, 2], [0, 3], [1, 0], [1, 1], [1, 3]])) // prettier-ignore
    }),
    CHECK,
  )
})

it('[SE5] a source gives the experts of its order and nothing else, whatever it is asked', async () => {
  const { host } = rogueTarget()
  await host.control.load(named([[0, 0], [0, 1], [1, 2], [1, 1]]), null) // prettier-ignore
  const source = await host.control.source(named([[0, 1], [1, 3]])) // prettier-ignore
  if (!source.ok) throw new Error(source.error.message)
  const id = fc.oneof(fc.integer({ min: -8, max: 12 }), hostileValue)
  await fc.assert(
    fc.asyncProperty(id, id, async (layer, expert) => {
      const read = await source.value.read(layer as number, expert as number)
      if (read.ok) expect([layer, expert].map(String)).toEqual(['0', '1'])
      else expect(read.error.code).toBe('not-resident')
    }),
    CHECK,
  )
  const read = await source.value.read(0, 1)
  if (!read.ok) throw new Error(read.error.message)
  const { hi, lo } = pack.manifest.experts[1]!
  expect(new Uint8Array(await new Response(read.value).arrayBuffer())).toEqual(pack.objects.get('experts-0.bin')!.slice(hi!.offset, lo!.offset + lo!.bytes))
})
