import { expect, it } from 'vitest'
import { expertSlotBytes } from '../../shared/placement/expert-bytes.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { checkDigest, parseManifest } from '../../shared/protocol/manifest-parser.ts'
import { expertRanges } from '../../shared/protocol/manifest.ts'
import { memoryStore, rangeReader, sha256Hex } from '../../test/fixtures/memory-store.ts'
import { buildHostPack } from './host-pack.ts'

it('is a pack that a host takes: its manifest parses, every range verifies, and one more expert would not fit', async () => {
  const { manifestBytes, objects, expertBytes } = buildHostPack()
  const parsed = parseManifest(manifestBytes)
  if (!parsed.ok) throw new Error(parsed.error.message)
  const manifest = parsed.value
  expect(await checkDigest(manifest, async (bytes) => sha256Hex(bytes))).toMatchObject({ ok: true })
  const slotBytes = expertSlotBytes(manifest.spec, 'q8')
  expect(Math.floor(LIMITS.hostArenaBytes / slotBytes)).toBe(manifest.experts.length)
  expect(slotBytes * manifest.experts.length).toBe(expertBytes)
  const reader = rangeReader(memoryStore(objects).store)
  const loads = manifest.experts.map((entry) => reader.load(expertRanges(entry, 'q8').map((range) => ({ ...range, into: new Uint8Array(range.bytes) }))))
  expect((await Promise.all(loads)).every((load) => load.ok)).toBe(true)
})
