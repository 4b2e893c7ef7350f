import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { beforeAll, expect, it } from 'vitest'
import type { Placement } from '../../shared/placement/placement.ts'
import { KERNEL_MODULES } from '../../workers/kernel-modules.ts'
import { buildTinyPack } from '../fixtures/tiny-pack.ts'

beforeAll(async () => {
  for (const [name, bytes] of await buildTinyPack(KERNEL_MODULES)) await env.BUCKET.put(`models/tiny/test/${name}`, bytes)
})

async function placement(): Promise<Placement> {
  const planned = await env.AUTOSCALER.getByName('autoscaler').placement()
  if (!planned.ok) throw new Error(planned.error.message)
  return planned.value as Placement
}

it('[PL5] plans once and keeps the table across evictions', async () => {
  const first = await placement()
  expect(first).toMatchObject({ epoch: 1, hosts: ['expert-00', 'expert-01'] })
  expect(first.layers).toEqual([
    [[0], [0], [0], [0]],
    [[1], [1], [1], [1]],
  ])
  await evictDurableObject(env.AUTOSCALER.getByName('autoscaler'))
  expect(await placement()).toEqual(first)
})

it('[PL5] what was planned from something else is planned anew, one epoch later', async () => {
  await placement()
  await runInDurableObject(env.AUTOSCALER.getByName('autoscaler'), (_, state) => {
    state.storage.sql.exec("UPDATE placement SET inputs = 'another pack'")
  })
  expect((await placement()).epoch).toBe(2)
})
