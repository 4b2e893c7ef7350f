import { env, evictDurableObject } from 'cloudflare:test'
import { beforeAll, expect, it, vi } from 'vitest'
import { createRunFrame, parseReply } from '../../shared/protocol/frame.ts'
import type { RowsFrame, RunHeader } from '../../shared/protocol/frame.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { ExpertOrder, ExpertRef, Hello, HostControl } from '../../shared/protocol/host-api.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { xRecordsBytes } from '../../shared/core/layout.ts'
import { quantizeActivations } from '../../shared/core/activations.ts'
import { KERNEL_MODULES } from '../../workers/kernel-modules.ts'
import { buildTinyPack, TINY_SPEC } from '../fixtures/tiny-pack.ts'

const PREFIX = 'models/tiny/test/'
const OUT_BYTES = 64 * 4

let objects: Map<string, Uint8Array>
let hello: Hello

beforeAll(async () => {
  objects = await buildTinyPack(KERNEL_MODULES)
  for (const [name, bytes] of objects) await env.BUCKET.put(PREFIX + name, bytes)
  const { digest } = JSON.parse(new TextDecoder().decode(objects.get('manifest.json'))) as Manifest
  const experts = [0, 1].flatMap((layer) => [0, 1, 2].map((expert) => [layer, expert] as const)) // expert 3 lives elsewhere
  hello = { protocolVersion: PROTOCOL_VERSION, model: 'tiny', digest, tier: 'q8', epoch: 1, experts }
})

/** One token through each of `experts` of a layer. */
function frameFor(layer: number, experts: readonly number[]): { header: RunHeader; frame: Uint8Array } {
  const rowBytes = xRecordsBytes(TINY_SPEC.hidden)
  const header = { sequence: 1, layer, epoch: 1, tokens: 1, pairs: experts.length, experts: experts.length, rowBytes }
  const { frame, experts: table, activations } = createRunFrame(header)
  table.set(experts.flatMap((expert) => [expert, 1]))
  quantizeActivations(
    Float32Array.from({ length: TINY_SPEC.hidden }, (_, i) => Math.sin(i + layer)),
    TINY_SPEC.hidden,
    activations,
  )
  return { header, frame }
}

/** Opens a session, runs one frame, closes the session. */
async function runOnce(layer: number, experts: readonly number[]): Promise<Result<RowsFrame, MoeError>> {
  const opened = await env.EXPERT.getByName('host').open(hello)
  if (!opened.ok) throw new Error(opened.error.message)
  const { header, frame } = frameFor(layer, experts)
  const reply = await opened.value.session.run(frame)
  ;(opened as unknown as Disposable)[Symbol.dispose]()
  return parseReply(reply, header, OUT_BYTES)
}

async function residentExperts(): Promise<number> {
  const opened = await env.EXPERT.getByName('host').open(hello)
  if (!opened.ok) throw new Error(opened.error.message)
  const { residentExperts: count } = opened.value.report
  ;(opened as unknown as Disposable)[Symbol.dispose]()
  return count
}

function rowsOf(reply: Result<RowsFrame, MoeError>): number[] {
  if (!reply.ok) throw new Error(reply.error.message)
  return Array.from(new Float32Array(reply.value.rows.slice().buffer))
}

it('[RE1] [RE6] loads an expert from R2 on its first use, and keeps it when the object is evicted', async () => {
  expect(await residentExperts()).toBe(0)
  const first = await runOnce(0, [0, 2])
  expect(rowsOf(first).some((value) => value !== 0)).toBe(true)
  expect(await residentExperts()).toBe(2)
  await evictDurableObject(env.EXPERT.getByName('host'))
  await env.BUCKET.delete(`${PREFIX}experts-0.bin`) // weights that are kept need no R2
  expect(rowsOf(await runOnce(0, [0, 2]))).toEqual(rowsOf(first))
  expect(first.ok && first.value.isolateId()).toMatch(/^[0-9a-f]{24}$/)
})

it('[RE2] [RE5] refuses a corrupt and a missing object by name, and serves once it is whole', async () => {
  const object = 'experts-1.bin'
  const spoilt = objects.get(object)!.slice()
  spoilt[7]! ^= 1
  await env.BUCKET.put(PREFIX + object, spoilt)
  expect(await runOnce(1, [0])).toMatchObject({ ok: false, error: { code: 'weights-corrupt', details: { object, offset: 0 } } })
  await env.BUCKET.put(PREFIX + object, objects.get(object)!.subarray(0, 100))
  expect(await runOnce(1, [0])).toMatchObject({ ok: false, error: { code: 'weights-corrupt', details: { object, offset: 100 } } })
  expect(await runOnce(1, [2])).toMatchObject({ ok: false, error: { code: 'weights-corrupt', details: { object } } })
  await env.BUCKET.delete(PREFIX + object)
  expect(await runOnce(1, [0])).toMatchObject({ ok: false, error: { code: 'weights-missing', details: { object } } })
  await env.BUCKET.put(PREFIX + object, objects.get(object)!)
  expect(rowsOf(await runOnce(1, [0])).some((value) => value !== 0)).toBe(true)
})

it('[WI4] names an expert that it was not given', async () => {
  expect(await runOnce(1, [1, 3])).toMatchObject({ ok: false, error: { code: 'not-resident', details: { layer: 1, expert: 3, epoch: 1 } } })
})

it('[WI1] refuses another protocol version by name', async () => {
  const opened = await env.EXPERT.getByName('host').open({ ...hello, protocolVersion: PROTOCOL_VERSION + 1 })
  expect(opened).toMatchObject({ ok: false, error: { code: 'hello-mismatch', details: { field: 'protocolVersion' } } })
})

/** The host's face towards the autoscaler, as an RPC stub gives it. */
function control(): HostControl {
  return env.EXPERT.getByName('host') as unknown as HostControl
}

function order(...experts: ExpertRef[]): ExpertOrder {
  return { protocolVersion: PROTOCOL_VERSION, digest: hello.digest, tier: 'q8', experts }
}

const ALL = [0, 1].flatMap((layer) => [0, 1, 2, 3].map((expert): ExpertRef => [layer, expert]))

/** An empty host and a whole bucket. */
async function emptyHost(): Promise<void> {
  for (const [name, bytes] of objects) await env.BUCKET.put(PREFIX + name, bytes)
  await control().drop(order(...ALL))
}

it('[RE8] [RE9] loads, probes and drops by order, and says what it holds', async () => {
  await emptyHost()
  const loaded = await control().load(order([0, 1], [1, 3]), null)
  expect(loaded).toMatchObject({ ok: true, value: { loaded: [[0, 1], [1, 3]], failed: [], report: { residentExperts: 2, queuedFrames: 0 } } }) // prettier-ignore
  const probed = await control().probe(order([0, 1], [1, 3], [1, 0]))
  expect(probed).toMatchObject({ ok: true, value: { passed: [[0, 1], [1, 3]], failed: [{ expert: [1, 0], error: { code: 'not-resident' } }] } }) // prettier-ignore
  expect(await control().drop(order([0, 1]))).toMatchObject({ ok: true, value: { residentExperts: 1 } })
  expect(await control().inventory()).toMatchObject({ ok: true, value: { experts: [[1, 3]] } })
  expect(await control().load({ ...order([0, 0]), digest: 'another' }, null)).toMatchObject({ ok: false, error: { details: { field: 'digest' } } })
})

it('[RE6] [RE8] what an order loaded is still there, and still pinned, when the object was evicted', async () => {
  await emptyHost()
  await control().load(order(...ALL.slice(0, 6)), null)
  await evictDurableObject(env.EXPERT.getByName('host'))
  expect(await control().inventory()).toMatchObject({ ok: true, value: { experts: ALL.slice(0, 6) } })
  expect(await control().load(order([1, 2]), null)).toMatchObject({ ok: true, value: { loaded: [], failed: [{ error: { code: 'over-budget' } }] } })
  expect(await runOnce(1, [2])).toMatchObject({ ok: false, error: { code: 'over-budget' } }) // a session is held to it, too
  await emptyHost()
})

it('[RE8] a session holds its experts until the engine disposes of it', async () => {
  await emptyHost()
  const opened = await env.EXPERT.getByName('host').open(hello)
  if (!opened.ok) throw new Error(opened.error.message)
  for (const layer of [0, 1]) {
    const { header, frame } = frameFor(layer, [0, 1, 2])
    rowsOf(parseReply(await opened.value.session.run(frame), header, OUT_BYTES))
  }
  expect(await control().load(order([1, 3]), null)).toMatchObject({ ok: true, value: { failed: [{ error: { code: 'over-budget' } }] } })
  ;(opened as unknown as Disposable)[Symbol.dispose]()
  await vi.waitFor(async () => expect(await control().load(order([1, 3]), null)).toMatchObject({ ok: true, value: { loaded: [[1, 3]] } }))
  await emptyHost()
})

it('[RE10] a drained expert is not-resident for sessions that are open and for those of the same placement', async () => {
  await emptyHost()
  expect(rowsOf(await runOnce(0, [1]))).toHaveLength(64)
  await control().drain(order([0, 1]))
  expect(await runOnce(0, [1])).toMatchObject({ ok: false, error: { code: 'not-resident' } })
  await control().load(order([0, 1]), null)
  expect(rowsOf(await runOnce(0, [1]))).toHaveLength(64)
})

it('[RE11] gives a resident expert as a stream of its stored bytes', async () => {
  await emptyHost()
  await control().load(order([0, 1]), null)
  const source = await control().source(order([0, 1], [0, 2]))
  if (!source.ok) throw new Error(source.error.message)
  const read = await source.value.read(0, 1)
  if (!read.ok) throw new Error(read.error.message)
  const { hi, lo } = (JSON.parse(new TextDecoder().decode(objects.get('manifest.json'))) as Manifest).experts[1]!
  const stored = objects.get('experts-0.bin')!.slice(hi!.offset, lo!.offset + lo!.bytes)
  expect(new Uint8Array(await new Response(read.value).arrayBuffer())).toEqual(stored)
  expect(await source.value.read(0, 2)).toMatchObject({ ok: false, error: { code: 'not-resident' } })
  ;(source as unknown as Disposable)[Symbol.dispose]()
})
