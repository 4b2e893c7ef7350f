import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { objectNames } from '../pack-folder.ts'
import { packTo, recordWarnings } from '../testing/pack-to.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { writeFolder } from '../testing/tiny-checkpoint.ts'
import { createObjectStore } from './object-store.ts'
import type { ObjectStore } from './object-store.ts'
import { FakeR2 } from './testing/fake-r2.ts'
import { uploadPack } from './upload-pack.ts'

const root = temporaryFolder()
const folder = join(root, 'pack')
/** Experts have 3 parts an object, the trunk has 5, the manifest has 1. */
const PART_BYTES = 8192
let manifest: Manifest
let prefix: string
let r2: FakeR2
let endpoint: string
let store: ObjectStore
let waits: number[]

beforeAll(async () => {
  manifest = await packTo(folder, writeFolder(join(root, 'checkpoint')))
  prefix = packPrefix(manifest.name, manifest.digest)
})
beforeEach(async () => {
  r2 = new FakeR2()
  endpoint = await r2.start()
  waits = []
  store = storeOf('packs')
})
afterEach(() => r2.stop())

function storeOf(bucket: string): ObjectStore {
  const wait = async (ms: number) => void waits.push(ms)
  return createObjectStore({ endpoint, bucket, accessKeyId: 'id', secretAccessKey: 'secret', fetch, wait })
}

const upload = () => uploadPack({ store, progress: recordWarnings(), partBytes: PART_BYTES }, folder, manifest)

function expectWhole(): void {
  const names = [...objectNames(manifest), 'manifest.json']
  expect([...r2.objects.keys()].toSorted()).toEqual(names.map((name) => prefix + name).toSorted())
  for (const name of names) expect(r2.objects.get(prefix + name)!.body.equals(readFileSync(join(folder, name)))).toBe(true)
}

it('[DP5] a pack arrives byte by byte, the manifest last; the second time nothing is sent', async () => {
  const first = await upload()
  expectWhole()
  expect(r2.sent.at(-1)).toBe(`PUT ${prefix}manifest.json`)
  expect(first).toMatchObject({ objectsThere: 0, objectsSent: objectNames(manifest).length + 1 })
  r2.sent.length = 0
  expect(await upload()).toEqual({ objectsSent: 0, objectsThere: first.objectsSent, bytesSent: 0 })
  expect([r2.sent, waits, r2.uploads.size]).toEqual([[], [], 0])
})

it('[DP5] an upload that was cut short is taken up: only the missing parts are sent', async () => {
  const cutAt = `${prefix}trunk.q8.bin`
  r2.faults = { cut: (key, part) => key === cutAt && part !== null && part >= 3 }
  await expect(upload()).rejects.toMatchObject({ code: 'upload-failed', message: expect.stringContaining('trunk.q8.bin') as string })
  expect(r2.objects.has(`${prefix}manifest.json`)).toBe(false)
  const before = new Set(r2.sent)
  r2.faults = {}
  r2.sent.length = 0
  const { bytesSent } = await upload()
  expectWhole()
  expect(r2.sent.filter((put) => before.has(put))).toEqual([])
  expect(r2.sent.toSorted()).toEqual([`PUT ${prefix}manifest.json`, ...[3, 4, 5].map((part) => `PUT ${cutAt}#${part}`)])
  expect(bytesSent).toBe(r2.objects.get(cutAt)!.body.length - 2 * PART_BYTES + r2.objects.get(`${prefix}manifest.json`)!.body.length)
})

it('[DP5] a part that rotted in a bucket is sent again', async () => {
  const key = `${prefix}experts-0.bin`
  r2.faults = { cut: (of, part) => of === key && part === 3 }
  await expect(upload()).rejects.toThrow()
  const parts = [...r2.uploads.values()][0]!.parts
  parts.set(2, Buffer.from(parts.get(2)!.map((byte, i) => (i === 9 ? byte ^ 4 : byte))))
  r2.faults = {}
  r2.sent.length = 0
  await upload()
  expectWhole()
  expect(r2.sent.filter((put) => put.includes(key)).toSorted()).toEqual([`PUT ${key}#2`, `PUT ${key}#3`])
})

it.each(['garble', 'rot'] as const)('[DP6] what arrives otherwise than it was sent is refused, a part and a whole object: %s', async (fault) => {
  for (const bad of ['experts-1.bin', 'trunk.q8.bin', 'manifest.json']) {
    r2.faults = { [fault]: (key: string, part: number | null) => key.endsWith(bad) && (part ?? 3) === 3 }
    await expect(upload()).rejects.toMatchObject({ code: 'upload-failed', message: expect.stringContaining(bad) as string })
  }
})

it('[DP6] an object of another content is replaced; a complete prefix is still looked through', async () => {
  await upload()
  for (const name of ['experts-1.bin', 'manifest.json']) {
    const { body, etag } = r2.objects.get(prefix + name)!
    r2.objects.set(prefix + name, { body, etag: `x${etag.slice(1)}` })
  }
  expect(await upload()).toMatchObject({ objectsSent: 2 })
  expectWhole()
})

it('[DP5] what passes by itself is tried again, a bounded number of times; what does not is said at once', async () => {
  let left = 3
  r2.faults = { status: (method, key) => (method === 'PUT' && key.endsWith('manifest.json') && left-- > 0 ? 503 : null) }
  await upload()
  expect(waits).toEqual([1000, 2000, 4000])
  waits.length = 0
  r2.faults = { status: () => 500 }
  await expect(upload()).rejects.toMatchObject({ message: expect.stringMatching(/^HEAD .*status 500$/) as string })
  expect(waits).toEqual([1000, 2000, 4000, 8000])
  waits.length = 0
  r2.faults = {}
  await expect(storeOf('nowhere').list('')).rejects.toMatchObject({ message: 'GET nowhere: status 404 NoSuchBucket' })
  expect(waits).toEqual([])
})

it('[DP5] lists go over pages, and a record is written only over the one that was read', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await store.put(`list/${name}`, Buffer.from(name))
  expect(await store.list('list/')).toEqual(['list/a', 'list/b', 'list/c', 'list/d', 'list/e'])
  const first = await store.put('record', Buffer.from('1'), null)
  expect(await store.put('record', Buffer.from('2'), null)).toBeNull()
  const second = await store.put('record', Buffer.from('2'), first)
  expect(await store.put('record', Buffer.from('3'), first)).toBeNull()
  expect(await store.get('record', 10)).toEqual({ body: new Uint8Array([0x32]), etag: second })
  expect(await store.get('nothing', 10)).toBeNull()
  await store.delete('record')
  expect(await store.head('record')).toBeNull()
})

it.each(['', 'Bad gateway', '<html><p>busy</html>', '<a><b></a>', '<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>'])(
  '[DP6] an answer that is not as it should be is said, not believed: %j',
  async (page) => {
    const strange = (status: number) => async () => new Response(page, { status })
    const of = (status: number) =>
      createObjectStore({ endpoint, bucket: 'packs', accessKeyId: 'id', secretAccessKey: 's', fetch: strange(status), wait: async () => undefined })
    await expect(of(200).list('')).rejects.toMatchObject({ code: 'upload-failed' })
    await expect(of(400).list('')).rejects.toMatchObject({ code: 'upload-failed', message: 'GET packs: status 400' })
    await expect(of(200).get('record', 3)).rejects.toMatchObject({ code: 'upload-failed' })
  },
)

it('[DP6] a file that changes while it is read is not half of each', async () => {
  const path = join(folder, 'experts-1.bin')
  const whole = readFileSync(path)
  r2.faults = {
    status: (method, key) => {
      if (method === 'POST' && key.endsWith('experts-1.bin')) writeFileSync(path, Buffer.concat([whole.subarray(0, -1), Buffer.of(whole.at(-1)! ^ 1)]))
      return null
    },
  }
  try {
    await expect(upload()).rejects.toMatchObject({ code: 'weights-corrupt' })
  } finally {
    writeFileSync(path, whole)
  }
})
