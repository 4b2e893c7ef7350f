import { beforeAll, expect, it } from 'vitest'
import { EPOCH_MAX } from '../../shared/protocol/frame.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { ExpertRef, Hello } from '../../shared/protocol/host-api.ts'
import { parseManifest } from '../../shared/protocol/manifest-parser.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { buildTinyPack } from '../../test/fixtures/tiny-pack.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { createDrainedExperts } from './drained-experts.ts'
import { createHostSessions } from './host-sessions.ts'

let manifest: Manifest
let hello: Hello

beforeAll(async () => {
  const parsed = parseManifest((await buildTinyPack(await loadKernelModules())).get('manifest.json')!)
  if (!parsed.ok) throw new Error(parsed.error.message)
  manifest = parsed.value
  hello = { protocolVersion: PROTOCOL_VERSION, model: 'tiny', digest: manifest.digest, tier: 'q8', epoch: 1, experts: [[0, 1]] }
})

it.each([-1, 0.5, NaN, Infinity, EPOCH_MAX + 1])('[WI1] [RE10] a session of epoch %d is refused, and drains that come later still hold', (epoch) => {
  const drained = createDrainedExperts(manifest.spec.router.experts)
  const { open } = createHostSessions(manifest, 'q8', drained)
  expect(open({ ...hello, epoch })).toMatchObject({ ok: false, error: { code: 'hello-mismatch', details: { field: 'epoch' } } })
  expect(open(hello)).toMatchObject({ ok: true })
  drained.drain(0, 1)
  expect([drained.refuses(0, 1, 1), drained.refuses(0, 1, 2)]).toEqual([true, false])
})

it('[WI1] a session of more experts than the pack has is refused', () => {
  const { open } = createHostSessions(manifest, 'q8', createDrainedExperts(manifest.spec.router.experts))
  const experts = Array.from({ length: manifest.experts.length + 1 }, (): ExpertRef => [0, 1])
  expect(open({ ...hello, experts: experts.slice(1) })).toMatchObject({ ok: true })
  expect(open({ ...hello, experts })).toMatchObject({ ok: false, error: { code: 'hello-mismatch', details: { field: 'experts' } } })
})
