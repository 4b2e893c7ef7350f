import { expect, it } from 'vitest'
import type { HostControl } from '../../shared/protocol/host-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import { handWoundTimer, settled } from '../../test/fixtures/hand-wound-timer.ts'
import { callHost } from './host-calls.ts'

/** An answer that holds something at the far end, and what became of it. */
function heldAnswer() {
  const held = { released: 0 }
  return { held, answer: Object.assign(ok('a source'), { [Symbol.dispose]: () => void held.released++ }) }
}

it('[EL5] a host that does not answer in time is unavailable, and what comes too late is given back', async () => {
  const timer = handWoundTimer()
  const { held, answer } = heldAnswer()
  const late = Promise.withResolvers<typeof answer>()
  const called = callHost({ control: () => ({}) as HostControl, setTimer: timer.set }, 'expert-00', () => late.promise)
  await settled()
  await timer.pass()
  expect(await called).toMatchObject({ ok: false, error: { code: 'host-unavailable' } })
  late.resolve(answer)
  await settled()
  expect(held.released).toBe(1)
})

it('[EL5] an answer in time is the caller’s to give back, and leaves no timer', async () => {
  const timer = handWoundTimer()
  const { held, answer } = heldAnswer()
  expect(await callHost({ control: () => ({}) as HostControl, setTimer: timer.set }, 'expert-00', async () => answer)).toBe(answer)
  await settled()
  expect([held.released, timer.pending()]).toEqual([0, 0])
})
