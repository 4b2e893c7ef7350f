import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { quantizeActivations } from '../../shared/core/activations.ts'
import { xRecordsBytes } from '../../shared/core/layout.ts'
import { expertSlotBytes } from '../../shared/placement/expert-bytes.ts'
import { createDeadlines } from '../../shared/protocol/deadlines.ts'
import type { Deadlines } from '../../shared/protocol/deadlines.ts'
import { createRunFrame, parseReply } from '../../shared/protocol/frame.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { ExpertOrder, ExpertRef, PeerSource } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { expertRangeBytes } from '../../shared/protocol/pack-layout.ts'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import { err, ok } from '../../shared/protocol/result.ts'
import { handWoundTimer, settled } from '../../test/fixtures/hand-wound-timer.ts'
import { hostPlatform, memoryStore } from '../../test/fixtures/memory-store.ts'
import { loadTinyPack } from '../../test/fixtures/load-tiny-pack.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import type { KernelModules } from '../../wasm/src/kernels.ts'
import { createHostMemory } from './host-memory.ts'
import { createExpertHost } from './host.ts'
import type { Assignment } from './host-sessions.ts'

const OUT_BYTES = 64 * 4
const SLOT_BYTES = expertSlotBytes(TINY_SPEC, 'q8')
/** As stored; a slot is padded to 64. */
const EXPERT_BYTES = expertRangeBytes(TINY_SPEC).hi + expertRangeBytes(TINY_SPEC).lo

let objects: ReadonlyMap<string, Uint8Array>
let manifest: Manifest
let modules: KernelModules

beforeAll(async () => {
  ;({ manifest, modules, objects } = await loadTinyPack())
})

interface RigOptions {
  readonly slots?: number
  readonly stored?: ReadonlyMap<string, Uint8Array>
  readonly wrapStore?: (store: RangeStore) => RangeStore
  readonly deadlines?: Deadlines
}

/** A host with room for `slots` experts. `restart` is what an eviction is: the object is new, its memory stays. */
function openHost({ slots = 8, stored = objects, wrapStore = (store) => store, deadlines }: RigOptions = {}) {
  const { store, asked } = memoryStore(stored)
  const memory = createHostMemory(TINY_SPEC, 'q8', slots * SLOT_BYTES, modules, 'auto')
  const create = () => createExpertHost({ ...hostPlatform(wrapStore(store), deadlines), manifest, tier: 'q8', memory, isolateId: '00'.repeat(12) })
  const rig = {
    asked,
    memory,
    host: create(),
    restart: () => void (rig.host = create()),
    open: (experts: readonly ExpertRef[], epoch = 1): Assignment => {
      const opened = rig.host.open({ protocolVersion: PROTOCOL_VERSION, model: 'tiny', digest: manifest.digest, tier: 'q8', epoch, experts })
      if (!opened.ok) throw new Error(opened.error.message)
      return opened.value
    },
    /** One token through each of the experts of a layer; its rows, or the error's code. */
    async run(assignment: Assignment, layer: number, ids: readonly number[]): Promise<Float32Array | string> {
      const header = { sequence: 1, layer, epoch: 1, tokens: 1, pairs: ids.length, experts: ids.length, rowBytes: xRecordsBytes(TINY_SPEC.hidden) }
      const { frame, experts: table, activations } = createRunFrame(header)
      table.set(ids.flatMap((expert) => [expert, 1]))
      quantizeActivations(
        Float32Array.from({ length: TINY_SPEC.hidden }, (_, i) => Math.cos(i)),
        TINY_SPEC.hidden,
        activations,
      )
      const reply = parseReply(await rig.host.run(frame, assignment), header, OUT_BYTES)
      return reply.ok ? new Float32Array(reply.value.rows.slice().buffer) : reply.error.code
    },
    residents: () => memory.slots.residents().map((ref) => ref.join('/')),
    async source(...experts: ExpertRef[]): Promise<PeerSource> {
      const source = await rig.host.control.source(order(...experts))
      if (!source.ok) throw new Error(source.error.message)
      return source.value
    },
  }
  return rig
}

function order(...experts: ExpertRef[]): ExpertOrder {
  return { protocolVersion: PROTOCOL_VERSION, digest: manifest.digest, tier: 'q8', experts }
}

function flipped(object: string, at: number): Map<string, Uint8Array> {
  const spoilt = objects.get(object)!.slice()
  spoilt[at]! ^= 1
  return new Map(objects).set(object, spoilt)
}

describe('load and drop', () => {
  it('[RE8] an order loads what is missing, says what it moved, and can be repeated', async () => {
    const { host, asked, residents } = openHost()
    const first = await host.control.load(order([0, 1], [1, 2]), null)
    expect(first).toMatchObject({ ok: true, value: { loaded: [[0, 1], [1, 2]], failed: [], bytes: 2 * EXPERT_BYTES } }) // prettier-ignore
    const reads = asked.length
    const again = await host.control.load(order([0, 1], [1, 2]), null)
    expect(again).toMatchObject({ ok: true, value: { loaded: [[0, 1], [1, 2]], bytes: 0, report: { work: { loads: 2, storageBytes: 2 * EXPERT_BYTES } } } }) // prettier-ignore
    expect(asked).toHaveLength(reads)
    expect(residents()).toEqual(['0/1', '1/2'])
    expect(await host.control.drop(order([0, 1], [0, 3]))).toMatchObject({ ok: true, value: { residentExperts: 1, work: { drops: 1 } } })
    expect(await host.control.drop(order([0, 1], [0, 3]))).toMatchObject({ ok: true, value: { residentExperts: 1, work: { drops: 1 } } })
    expect(await host.control.inventory()).toMatchObject({ ok: true, value: { experts: [[1, 2]], report: { residentBytes: SLOT_BYTES } } })
  })

  it('[RE8] an order of another protocol version, digest, tier or model is refused by name, and so is one that is too long', async () => {
    const { control } = openHost().host
    for (const field of ['protocolVersion', 'digest', 'tier'] as const) {
      const other = { ...order([0, 0]), [field]: field === 'tier' ? 'q4' : 'other' } as ExpertOrder
      for (const call of [control.probe, control.drain, control.drop, control.source])
        expect(await call(other)).toMatchObject({ ok: false, error: { code: 'hello-mismatch', details: { field } } })
      expect(await control.load(other, null)).toMatchObject({ ok: false, error: { code: 'hello-mismatch', details: { field } } })
    }
    for (const stranger of [
      [2, 0],
      [0, 4],
      [0, -1],
      [0, 0.5],
    ] as const)
      // prettier-ignore
      expect(await control.load(order(stranger), null)).toMatchObject({ ok: false, error: { code: 'hello-mismatch', details: { field: 'experts' } } })
    const long = order(...Array.from({ length: LIMITS.orderExpertsMax + 1 }, (): ExpertRef => [0, 0]))
    expect(await control.load(long, null)).toMatchObject({ ok: false, error: { code: 'frame-invalid', details: { field: 'experts' } } })
  })

  it('[RE8] an expert that cannot be loaded does not take the others with it, and leaves neither slot nor pin', async () => {
    const { offset } = manifest.experts[1]!.hi!
    const { host, memory } = openHost({ slots: 2, stored: flipped('experts-0.bin', offset) })
    const loaded = await host.control.load(order([0, 0], [0, 1], [0, 2]), null)
    expect(loaded).toMatchObject({ ok: true, value: { loaded: [[0, 0], [0, 2]], failed: [{ expert: [0, 1], error: { code: 'weights-corrupt' } }] } }) // prettier-ignore
    expect(memory.slots.usedBytes).toBe(2 * SLOT_BYTES)
  })

  it('[RE8] a load makes room by what no open session and no pin names, else it is refused by bytes', async () => {
    const { host, open, run, residents, memory } = openHost({ slots: 3 })
    const session = open([[0, 0]])
    await run(session, 0, [0])
    const gone = open([[0, 1]])
    await run(gone, 0, [1])
    gone.close()
    expect(await host.control.load(order([1, 0], [1, 1]), null)).toMatchObject({ ok: true, value: { failed: [] } })
    expect(residents()).toEqual(['0/0', '1/0', '1/1']) // 0/1 went
    const full = await host.control.load(order([1, 2]), null)
    expect(full).toMatchObject({ ok: true, value: { loaded: [], failed: [{ expert: [1, 2], error: { code: 'over-budget', details: { part: 'arena', bytes: 4 * SLOT_BYTES, budgetBytes: memory.arenaBytes } } }] } }) // prettier-ignore
    session.close()
    expect(await host.control.load(order([1, 2]), null)).toMatchObject({ ok: true, value: { failed: [] } })
    expect(residents()).toEqual(['1/0', '1/1', '1/2'])
  })

  it('[RE8] sessions of two epochs do not evict each other, and pinned experts outlive both', async () => {
    const { host, open, run, residents } = openHost({ slots: 3 })
    await host.control.load(order([1, 3]), null)
    const old = open([[0, 0]], 1)
    const next = open([[0, 1], [0, 2]], 2) // prettier-ignore
    await run(old, 0, [0])
    await run(next, 0, [1])
    expect(await run(next, 0, [2])).toBe('over-budget')
    expect(residents()).toEqual(['0/0', '0/1', '1/3'])
    old.close()
    expect(await run(next, 0, [2])).toBeInstanceOf(Float32Array)
    expect(residents()).toEqual(['0/1', '0/2', '1/3'])
  })

  it('[RE6] [RE8] pins live with the weights: an evicted object keeps both, lost weights lose both', async () => {
    const rig = openHost({ slots: 2 })
    await rig.host.control.load(order([0, 0], [0, 1]), null)
    rig.restart()
    expect(await rig.run(rig.open([[1, 0]]), 1, [0])).toBe('over-budget')
    rig.memory.slots.clear()
    await rig.run(rig.open([[0, 0]]), 0, [0])
    rig.restart()
    expect(await rig.host.control.load(order([1, 0], [1, 1]), null)).toMatchObject({ ok: true, value: { failed: [] } })
  })

  it('[RE3] [RE8] a frame and an order that want one expert load it once', async () => {
    const { host, open, run, asked } = openHost()
    const session = open([[0, 1]])
    const [rows, loaded] = await Promise.all([run(session, 0, [1]), host.control.load(order([0, 1]), null)])
    expect(rows).toBeInstanceOf(Float32Array)
    expect(loaded).toMatchObject({ ok: true, value: { loaded: [[0, 1]], bytes: 0 } })
    expect(asked).toHaveLength(1)
  })

  it('[RE8] a drop waits for what is on its way, so that it does not come back', async () => {
    const { host, memory } = openHost()
    const loading = host.control.load(order([0, 1]), null)
    await host.control.drop(order([0, 1]))
    await loading
    expect(memory.slots.usedBytes).toBe(0)
  })

  it('[RE8] nor does what waits for its turn at a peer', async () => {
    const from = openHost()
    const all = ([0, 1, 2, 3] as const).map((expert): ExpertRef => [0, expert])
    await from.host.control.load(order(...all), null)
    const gate = Promise.withResolvers<void>()
    const source = await from.source(...all)
    const { host, residents } = openHost()
    const loading = host.control.load(order(...all), { read: (layer, expert) => gate.promise.then(() => source.read(layer, expert)) })
    const dropping = host.control.drop(order([0, 1], [0, 3])) // one is read, the other is not begun
    await settled()
    gate.resolve()
    await dropping
    expect(await loading).toMatchObject({ ok: true, value: { failed: [{ expert: [0, 3], error: { code: 'not-resident' } }] } })
    expect(residents()).toEqual(['0/0', '0/2'])
  })

  it('[RE8] an order that is still at work leaves the pins of a later one alone', async () => {
    const { offset } = manifest.experts[1]!.hi!
    const stored = flipped('experts-0.bin', offset)
    const [other, again] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const gates = { 'experts-0.bin': Promise.resolve(), 'experts-1.bin': other.promise }
    const wrapStore = (store: RangeStore): RangeStore => ({
      open: async (object, from, bytes) => gates[object as keyof typeof gates].then(() => store.open(object, from, bytes)),
    })
    const { host, open, run, residents } = openHost({ slots: 2, stored, wrapStore })
    const first = host.control.load(order([0, 1], [1, 0]), null)
    await settled() // 0/1 failed, 1/0 is on its way
    stored.set('experts-0.bin', objects.get('experts-0.bin')!)
    gates['experts-0.bin'] = again.promise
    const second = host.control.load(order([0, 1]), null)
    other.resolve()
    expect(await first).toMatchObject({ ok: true, value: { failed: [{ expert: [0, 1], error: { code: 'weights-corrupt' } }] } })
    again.resolve()
    expect(await second).toMatchObject({ ok: true, value: { loaded: [[0, 1]] } })
    expect(await run(open([[1, 2]]), 1, [2])).toBe('over-budget') // both are pinned
    expect(residents()).toEqual(['0/1', '1/0'])
  })
})

describe('probe', () => {
  it('[RE9] passes every expert of the pack, and says what is not there', async () => {
    const { host } = openHost()
    const all = manifest.experts.map(({ layer, expert }): ExpertRef => [layer, expert])
    await host.control.load(order(...all.slice(1)), null)
    const probed = await host.control.probe(order(...all))
    expect(probed).toMatchObject({ ok: true, value: { passed: all.slice(1), failed: [{ expert: [0, 0], error: { code: 'not-resident' } }] } })
  })

  it('[RE9] wrong bytes are dropped, even one bit that the forward may not see', async () => {
    const { host, memory, residents } = openHost()
    await host.control.load(order([0, 0], [0, 1]), null)
    memory.arena.u8(memory.slots.weightsOf(0, 1)!.down.lo, 1)[0]! ^= 1
    const probed = await host.control.probe(order([0, 0], [0, 1]))
    expect(probed).toMatchObject({ ok: true, value: { passed: [[0, 0]], failed: [{ expert: [0, 1], error: { code: 'weights-corrupt' } }] } })
    expect(residents()).toEqual(['0/0'])
    expect(await host.control.load(order([0, 1]), null)).toMatchObject({ ok: true, value: { failed: [] } })
    expect(await host.control.probe(order([0, 1]))).toMatchObject({ ok: true, value: { passed: [[0, 1]] } })
  })

  it('[RE9] right bytes that compute something else are dropped as probe-failed', async () => {
    const { host, memory, residents } = openHost()
    await host.control.load(order([0, 0]), null)
    Object.assign(memory.slots.weightsOf(0, 0)!, { width: 16 }) // as a kernel that is wrong
    const probed = await host.control.probe(order([0, 0]))
    expect(probed).toMatchObject({
      ok: true,
      value: { passed: [], failed: [{ error: { code: 'probe-failed', retryable: true, details: { layer: 0, expert: 0 } } }] },
    })
    expect(residents()).toEqual([])
  })

  it('[NU2] [RE9] frames between probes have the bits they always have', async () => {
    const { host, open, run } = openHost()
    const session = open([[0, 0], [0, 1]]) // prettier-ignore
    const alone = await run(session, 0, [0, 1])
    const probing = host.control.probe(order([0, 0], [0, 1], [0, 0], [0, 1]))
    for (let i = 0; i < 8; i++) expect(await run(session, 0, [0, 1])).toEqual(alone)
    expect(await probing).toMatchObject({ ok: true, value: { failed: [] } })
  })
})

describe('drain', () => {
  it('[RE10] frames that name a drained expert are not-resident from then on, others are served, and nothing loads it again', async () => {
    const { host, open, run, residents } = openHost()
    const session = open([[0, 0], [0, 1]]) // prettier-ignore
    await run(session, 0, [0, 1])
    expect(await host.control.drain(order([0, 1]))).toMatchObject({ ok: true, value: { queuedFrames: 0 } })
    expect(await run(session, 0, [1])).toBe('not-resident')
    expect(await run(session, 0, [0])).toBeInstanceOf(Float32Array)
    await host.control.drop(order([0, 1]))
    expect(await run(session, 0, [1])).toBe('not-resident')
    expect(await run(open([[0, 1]], 1), 0, [1])).toBe('not-resident') // the same placement, opened again
    expect(residents()).toEqual(['0/0'])
  })

  it('[RE10] it waits for the frames that came before, which are answered', async () => {
    const gate = Promise.withResolvers<void>()
    const { host, open, run } = openHost({
      wrapStore: (store) => ({ open: async (object, offset, bytes) => gate.promise.then(() => store.open(object, offset, bytes)) }),
    })
    const session = open([[0, 1]])
    const answer = run(session, 0, [1])
    let drained = false
    const draining = host.control.drain(order([0, 1])).then(() => (drained = true))
    expect(await host.control.inventory()).toMatchObject({ ok: true, value: { report: { queuedFrames: 1 } } })
    expect(drained).toBe(false)
    gate.resolve()
    expect(await answer).toBeInstanceOf(Float32Array)
    await draining
    expect(await host.control.inventory()).toMatchObject({ ok: true, value: { report: { queuedFrames: 0 } } })
  })

  it('[RE10] a load, or a later placement, takes it back', async () => {
    const { host, open, run } = openHost()
    const old = open([[0, 1]], 4)
    await host.control.drain(order([0, 1]))
    expect(await run(old, 0, [1])).toBe('not-resident')
    expect(await run(open([[0, 1]], 5), 0, [1])).toBeInstanceOf(Float32Array)
    expect(await run(old, 0, [1])).toBe('not-resident')
    await host.control.load(order([0, 1]), null)
    expect(await run(old, 0, [1])).toBeInstanceOf(Float32Array)
  })
})

describe('a peer', () => {
  async function warm() {
    const rig = openHost()
    await rig.host.control.load(order([0, 0], [0, 1], [1, 2]), null)
    return rig
  }

  it('[RE11] gives bytes that verify and probe like storage’s, and storage is not read', async () => {
    const from = await warm()
    const timer = handWoundTimer()
    const { host, asked } = openHost({ deadlines: createDeadlines(timer.set, { tickMs: 5000, ticks: 4 }) })
    const loaded = await host.control.load(order([0, 0], [1, 2]), await from.source([0, 0], [1, 2]))
    expect(timer.pending()).toBe(0)
    expect(loaded).toMatchObject({
      ok: true,
      value: { failed: [], bytes: 2 * EXPERT_BYTES, report: { work: { peerBytes: 2 * EXPERT_BYTES, storageBytes: 0 } } },
    })
    expect(asked).toHaveLength(0)
    expect(await host.control.probe(order([0, 0], [1, 2]))).toMatchObject({ ok: true, value: { failed: [] } })
  })

  it('[RE11] what it does not have, or was not asked for, comes from storage', async () => {
    const from = await warm()
    const { host } = openHost()
    const loaded = await host.control.load(order([0, 0], [0, 1], [1, 3]), await from.source([0, 0], [1, 3]))
    expect(loaded).toMatchObject({ ok: true, value: { failed: [], report: { work: { peerBytes: EXPERT_BYTES, storageBytes: 2 * EXPERT_BYTES } } } })
  })

  it('[RE11] a peer with wrong bytes is caught, and storage has the right ones', async () => {
    const from = await warm()
    from.memory.arena.u8(from.memory.slots.weightsOf(0, 0)!.gate.ptr, 1)[0]! ^= 1
    const { host } = openHost()
    const loaded = await host.control.load(order([0, 0]), await from.source([0, 0]))
    expect(loaded).toMatchObject({ ok: true, value: { failed: [], bytes: 2 * EXPERT_BYTES } })
    expect(await host.control.probe(order([0, 0]))).toMatchObject({ ok: true, value: { failed: [] } })
  })

  it('[RE11] an expert that goes away while it is read breaks the copy', async () => {
    const from = await warm()
    const source = await from.source([0, 0])
    const dropping: PeerSource = {
      async read(layer, expert) {
        const read = await source.read(layer, expert)
        from.memory.slots.drop(layer, expert)
        return read
      },
    }
    const { host } = openHost()
    expect(await host.control.load(order([0, 0]), dropping)).toMatchObject({ ok: true, value: { failed: [], report: { work: { peerBytes: 0 } } } })
  })

  it('[RE11] one that breaks, is silent or sends too little is asked once, then storage is', async () => {
    const short = () =>
      new ReadableStream({
        type: 'bytes',
        start(controller) {
          controller.enqueue(new Uint8Array(100))
          controller.close()
        },
      })
    const peers: PeerSource['read'][] = [
      () => Promise.reject(new Error('The Durable Object was reset.')),
      async () => ok(short()),
      async () => err({ code: 'internal', message: 'no', retryable: false, overloaded: false, details: {} }),
    ]
    for (const read of peers) {
      let calls = 0
      const { host } = openHost()
      const peer: PeerSource = { read: (layer, expert) => (calls++, read(layer, expert)) }
      const loaded = await host.control.load(order([0, 0], [0, 1], [0, 2], [1, 0]), peer)
      expect(loaded).toMatchObject({ ok: true, value: { failed: [], report: { work: { storageBytes: 4 * EXPERT_BYTES } } } })
      if (read !== peers[2]) expect(calls).toBeLessThanOrEqual(LIMITS.copiesInFlight)
      expect(await host.control.probe(order([0, 0], [0, 1], [0, 2], [1, 0]))).toMatchObject({ ok: true, value: { failed: [] } })
    }
  })
})

it('[RE7] [RE11] a peer that says nothing is given up within the deadline of a read, and storage is read', async () => {
  const timer = handWoundTimer()
  const { host } = openHost({ deadlines: createDeadlines(timer.set, { tickMs: 5000, ticks: 1 }) })
  const loading = host.control.load(order([0, 0]), { read: () => new Promise(() => undefined) })
  await settled()
  await timer.pass()
  await timer.pass()
  expect(await loading).toMatchObject({ ok: true, value: { failed: [], report: { work: { storageBytes: EXPERT_BYTES } } } })
  expect(timer.pending()).toBe(0)
})

it('[RE7] [RE11] so is one that sends byte by byte, and nothing of it is left', async () => {
  const timer = handWoundTimer()
  const { host, memory } = openHost({ deadlines: createDeadlines(timer.set, { tickMs: 5000, ticks: 1 }) })
  let feed: ReadableByteStreamController | null = null
  const dripping = new ReadableStream({ type: 'bytes', start: (controller) => void (feed = controller) })
  const loading = host.control.load(order([0, 0]), { read: async () => ok(dripping) })
  await settled()
  for (let i = 0; i < 3; i++) {
    feed!.enqueue(new Uint8Array(1))
    await settled()
    await timer.pass()
  }
  expect(await loading).toMatchObject({ ok: true, value: { failed: [], report: { work: { peerBytes: 2, storageBytes: EXPERT_BYTES } } } })
  expect([timer.pending(), memory.slots.usedBytes]).toEqual([0, SLOT_BYTES])
})

it('[RE12] the host counts frames, pairs, loads, drops and bytes, and the most that it held at a time', async () => {
  const { host, open, run } = openHost()
  const session = open([[0, 0], [0, 1]]) // prettier-ignore
  await run(session, 0, [0, 1])
  await run(session, 0, [1])
  const before = await host.control.inventory()
  expect(before).toMatchObject({
    ok: true,
    value: { report: { work: { frames: 2, pairs: 3, loads: 2, drops: 0, storageBytes: 2 * EXPERT_BYTES, peerBytes: 0 } } },
  })
  const loaded = await host.control.load(order([1, 0], [1, 1], [1, 2]), null)
  if (!loaded.ok) throw new Error(loaded.error.message)
  const { peakBytes } = loaded.value
  expect(loaded.value.report.peakBytes).toBe(peakBytes)
  expect(peakBytes).toBeGreaterThan(5 * SLOT_BYTES)
  expect(peakBytes).toBeLessThanOrEqual(5 * SLOT_BYTES + LIMITS.readsInFlight * LIMITS.copyPartBytes)
  await host.control.drop(order([1, 0], [1, 1], [1, 2]))
  const again = await host.control.load(order([1, 3]), null)
  expect(again).toMatchObject({ ok: true, value: { peakBytes: 3 * SLOT_BYTES + EXPERT_BYTES, report: { peakBytes } } })
})

/** One thing that happens to a host. */
const arbEvent = fc.oneof(
  fc.record({
    what: fc.constantFrom('load' as const, 'drop' as const, 'probe' as const, 'open' as const),
    experts: fc.uniqueArray(fc.tuple(fc.nat(1), fc.nat(3)), { minLength: 1, maxLength: 5, selector: String }),
  }),
  fc.record({ what: fc.constant('run' as const), session: fc.nat(9), layer: fc.nat(1), ids: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }) }),
  fc.record({ what: fc.constant('close' as const), session: fc.nat(9) }),
  fc.record({ what: fc.constant('restart' as const) }),
)

it('[RE4] [RE8] whatever is ordered, served and ended, in any order and at once: slots add up, pins stay, rows have their bits', async () => {
  const reference = openHost()
  const everything = reference.open(manifest.experts.map(({ layer, expert }) => [layer, expert]))
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(arbEvent, { maxLength: 14 }), fc.boolean(), async (slots, events, atOnce) => {
      const rig = openHost({ slots })
      const { memory } = rig
      let sessions: Assignment[] = []
      const pinned = new Set<string>()
      const handle = async (event: (typeof events)[number]): Promise<void> => {
        switch (event.what) {
          case 'load': {
            const loaded = await rig.host.control.load(order(...event.experts), null)
            if (!loaded.ok) throw new Error(loaded.error.message)
            for (const ref of loaded.value.loaded) pinned.add(ref.join('/'))
            expect(loaded.value.failed.every(({ error }) => error.code === 'over-budget')).toBe(true)
            return
          }
          case 'drop':
            await rig.host.control.drop(order(...event.experts))
            for (const ref of event.experts) pinned.delete(ref.join('/'))
            return
          case 'probe': {
            const probed = await rig.host.control.probe(order(...event.experts))
            expect(probed.ok && probed.value.failed.every(({ error }) => error.code === 'not-resident')).toBe(true)
            return
          }
          case 'open':
            return void sessions.push(rig.open(event.experts))
          case 'close':
            return sessions[event.session % Math.max(1, sessions.length)]?.close()
          case 'run': {
            const session = sessions[event.session % Math.max(1, sessions.length)]
            const ids = event.ids.toSorted()
            const rows = session && (await rig.run(session, event.layer, ids))
            if (rows instanceof Float32Array) expect(rows).toEqual(await reference.run(everything, event.layer, ids))
            else if (rows !== undefined) expect(['not-resident', 'over-budget']).toContain(rows)
            return
          }
          case 'restart':
            if (!atOnce) {
              sessions = [] // they end with their object
              rig.restart()
            }
            return
          default:
            return event satisfies never
        }
      }
      if (atOnce) await Promise.all(events.map(handle))
      else for (const event of events) await handle(event)
      expect(memory.slots.usedBytes).toBe(memory.slots.residentBytes)
      expect(memory.slots.residentCount).toBeLessThanOrEqual(slots)
      const { work } = memory.usage
      expect(work.loads - work.drops).toBe(memory.slots.residentCount)
      if (!atOnce) for (const name of pinned) expect(rig.residents()).toContain(name)
      for (const session of sessions) session.close()
      const all = manifest.experts.map(({ layer, expert }): ExpertRef => [layer, expert])
      await rig.host.control.drop(order(...all))
      const refilled = await rig.host.control.load(order(...all.slice(0, slots)), null)
      expect(refilled).toMatchObject({ ok: true, value: { failed: [], report: { residentExperts: slots } } }) // every slot can be used again
    }),
    { numRuns: 150 },
  )
})
