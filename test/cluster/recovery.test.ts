import { expect, it } from 'vitest'
import { moeError } from '../../shared/protocol/errors.ts'
import { buildErrorFrame, parseRunFrame } from '../../shared/protocol/frame.ts'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import { RELOAD_MS, STORAGE_MS } from '../../workers/engine/recovery.ts'
import { fixturePack } from '../e2e/pack-fixtures.ts'
import { createCluster, greedyRequest, must, withoutTimes } from './cluster.ts'
import type { Cluster, ClusterOptions } from './cluster.ts'

const open = (options: Partial<ClusterOptions> = {}) => createCluster({ pack: fixturePack('qwen3_moe'), tier: 'f32', hosts: 1, deadlines: true, ...options })

async function answer(cluster: Cluster) {
  return must(await cluster.run(greedyRequest([[5, 9, 17, 40, 3, 77]], { maxTokens: 6, logprobs: 0 }))).map(withoutTimes)
}

/** Says of its first frames that the arena is full. */
const fullAtFirst = (frames: number) => (session: OpenSession) => {
  let left = frames
  return {
    ...session,
    async run(frame: Uint8Array) {
      if (left-- <= 0) return session.run(frame)
      const error = moeError('over-budget', 'no room for an expert', { part: 'arena', bytes: 2, budgetBytes: 1 })
      return buildErrorFrame(must(parseRunFrame(frame)).sequence, '0'.repeat(24), error)
    },
  }
}

it('[FA5] storage has its time from its own first error on, however long a silent host was waited for before', async () => {
  let spoiled = 0
  const wrapStore = (store: RangeStore): RangeStore => ({
    async open(object, offset, bytes) {
      if (object.startsWith('experts') && spoiled++ < 2) throw new Error('R2 is away')
      return store.open(object, offset, bytes)
    },
  })
  const cluster = await open({ wrapStore })
  cluster.hosts[0]!.suffers({ kind: 'silent' })
  const silentMs = 2 * STORAGE_MS + 10_000
  void cluster.clock.wait(silentMs).then(() => cluster.hosts[0]!.suffers({ kind: 'none' }))
  expect(await answer(cluster)).toEqual(await answer(await open()))
  expect(cluster.clock.nowMs()).toBeGreaterThan(silentMs)
  expect(spoiled).toBeGreaterThan(2)
})

it('[FA5] a host that is full is waited for: an older epoch drains, or a newer table comes', async () => {
  const cluster = await open({ wrapSession: fullAtFirst(5) })
  expect(await answer(cluster)).toEqual(await answer(await open()))
  expect(cluster.hostFaults).toContain('expert-00 over-budget')
})

it('[FA5] one that stays full ends the request with an error that may pass', async () => {
  const cluster = await open({ wrapSession: fullAtFirst(Infinity) })
  const events = await answer(cluster)
  expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'host-unavailable', retryable: true } })
  expect(cluster.clock.nowMs()).toBeGreaterThan(RELOAD_MS)
})
