import { expect, it } from 'vitest'
import { moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { buildErrorFrame, createRowsFrame } from '../../shared/protocol/frame.ts'
import { err, ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Within } from './call-deadlines.ts'
import { CALLS_PER_SESSION } from '../../shared/protocol/session-calls.ts'
import { createHostLink } from './host-link.ts'
import type { OpenSession } from './host-link.ts'

const HEADER = { sequence: 1, layer: 0, epoch: 1, tokens: 1, pairs: 1, experts: 1, rowBytes: 48 }
const HELLO = { protocolVersion: 1, model: 'm', digest: 'd', tier: 'q8', epoch: 1, experts: [] } as const
const ROWS = createRowsFrame(HEADER, 16, '00'.repeat(12)).frame
const REPORT = { isolateId: '0', kernels: 'plain', residentBytes: 0, arenaBytes: 0, residentExperts: 0 }

/** A host whose calls answer what `answer` says; counts sessions. */
function linkTo(answer: (call: number) => Promise<Uint8Array>, within: Within = async (call) => ok(await call)) {
  const seen = { calls: 0, opened: 0, closed: 0 }
  const link = createHostLink({
    host: 'expert-00',
    hello: HELLO,
    within,
    async connect(): Promise<Result<OpenSession, MoeError>> {
      seen.opened++
      return ok({ run: () => answer(++seen.calls), report: async () => REPORT, close: () => void seen.closed++ })
    },
  })
  return { seen, close: link.close, run: () => link.run(new Uint8Array(), HEADER, 16) }
}

it('[FA1] a lost session fails its call, and the next call opens a new one', async () => {
  const { run, seen } = linkTo((call) => (call === 1 ? Promise.reject(new Error('reset')) : Promise.resolve(ROWS)))
  expect(await run()).toMatchObject({ ok: false, error: { code: 'host-unavailable', details: { host: 'expert-00' } } })
  expect(seen).toMatchObject({ calls: 1, opened: 1, closed: 1 })
  expect(await run()).toMatchObject({ ok: true })
  expect(seen).toMatchObject({ calls: 2, opened: 2, closed: 1 })
})

it('[FA2] an error that cannot pass is not a reason for a new session', async () => {
  const error = moeError('over-budget', 'no room', { part: 'arena', bytes: 2, budgetBytes: 1 })
  const { run, seen } = linkTo(async () => buildErrorFrame(1, '', error))
  expect(await run()).toEqual({ ok: false, error })
  expect(await run()).toEqual({ ok: false, error })
  expect(seen).toMatchObject({ calls: 2, opened: 1, closed: 0 })
})

it('[EL4] a closed link lets a call that is under way end, and keeps no session', async () => {
  const { promise: slow, resolve } = Promise.withResolvers<Uint8Array>()
  const { run, close, seen } = linkTo((call) => (call === 1 ? slow : Promise.resolve(ROWS)))
  const first = run()
  await new Promise(setImmediate)
  close()
  expect(seen).toMatchObject({ opened: 1, closed: 0 })
  resolve(ROWS)
  expect(await first).toMatchObject({ ok: true })
  expect(seen).toMatchObject({ opened: 1, closed: 1 })
  expect(await run()).toMatchObject({ ok: true }) // a late call of a step that looks at a table that is gone
  expect(seen).toMatchObject({ opened: 2, closed: 2 })
})

it('[WI5] a host that hangs is given up, and its session closed', async () => {
  let late = false
  const within: Within = (call) => (late ? Promise.resolve(err('late')) : call.then((value) => ok(value)))
  const { run, seen } = linkTo(() => (late ? new Promise(() => undefined) : Promise.resolve(ROWS)), within)
  expect(await run()).toMatchObject({ ok: true })
  late = true
  expect(await run()).toMatchObject({ ok: false, error: { code: 'host-unavailable', retryable: true } })
  expect(seen.closed).toBe(1)
  late = false
  expect(await run()).toMatchObject({ ok: true })
  expect(seen.opened).toBe(2)
})

it('[WI6] a session is opened anew after its budget of calls', async () => {
  const { run, seen } = linkTo(async () => ROWS)
  for (let i = 0; i < CALLS_PER_SESSION; i++) await run()
  expect(seen).toMatchObject({ opened: 1, closed: 0 })
  await run()
  expect(seen).toMatchObject({ opened: 2, closed: 1 })
})

it('[WI6] calls at the same time share one session, also while it is being opened and when its budget ends', async () => {
  const { run, seen } = linkTo(async () => ROWS)
  for (let i = 0; i < CALLS_PER_SESSION; i += 4) expect(await Promise.all([run(), run(), run(), run()])).toMatchObject(Array(4).fill({ ok: true }))
  expect(seen).toMatchObject({ opened: 1, closed: 0 })
  await Promise.all([run(), run()])
  expect(seen).toMatchObject({ opened: 2, closed: 1 })
})

it("[FA1] one call's fault takes the session from nobody whose call is under way", async () => {
  const { promise: slow, resolve } = Promise.withResolvers<Uint8Array>()
  const { run, seen } = linkTo((call) => (call === 1 ? slow : call === 2 ? Promise.reject(new Error('reset')) : Promise.resolve(ROWS)))
  const first = run()
  expect(await run()).toMatchObject({ ok: false }) // call 2
  expect(await run()).toMatchObject({ ok: true })
  expect(seen).toMatchObject({ calls: 3, opened: 2, closed: 0 })
  resolve(ROWS)
  expect(await first).toMatchObject({ ok: true })
  expect(seen).toMatchObject({ calls: 3, opened: 2, closed: 1 })
})

it('[WI5] a connection that hangs is given up, closed when it comes after all, and the next call makes its own', async () => {
  const connects: ((session: OpenSession) => void)[] = []
  let closed = 0
  let late = true
  const link = createHostLink({
    host: 'expert-00',
    hello: HELLO,
    within: (call) => (late ? Promise.resolve(err('late')) : call.then((value) => ok(value))),
    connect: () => new Promise((resolve) => connects.push((session) => resolve(ok(session)))),
  })
  const session: OpenSession = { run: async () => ROWS, report: async () => REPORT, close: () => void closed++ }
  expect(await link.run(new Uint8Array(), HEADER, 16)).toMatchObject({ ok: false, error: { code: 'host-unavailable' } })
  late = false
  const next = link.run(new Uint8Array(), HEADER, 16)
  connects[1]!(session)
  expect(await next).toMatchObject({ ok: true })
  connects[0]!(session)
  await new Promise(setImmediate)
  expect(closed).toBe(1)
})

it('[WI5] a call that comes to its end late gives up its own connection, not the one that was made since', async () => {
  const connects: (() => void)[] = []
  const expire: (() => void)[] = []
  let closed = 0
  const link = createHostLink({
    host: 'expert-00',
    hello: HELLO,
    within: (call) => Promise.race([call.then((value) => ok(value)), new Promise<Result<never, 'late'>>((resolve) => expire.push(() => resolve(err('late'))))]),
    connect: () =>
      new Promise((resolve) => connects.push(() => resolve(ok({ run: async () => ROWS, report: async () => REPORT, close: () => void closed++ })))),
  })
  const run = () => link.run(new Uint8Array(), HEADER, 16)
  const [first, second] = [run(), run()] // both wait for connection 0
  expire[0]!()
  expect(await first).toMatchObject({ ok: false })
  const third = run() // makes connection 1
  expire[1]!()
  expect(await second).toMatchObject({ ok: false })
  connects[1]!()
  expect(await third).toMatchObject({ ok: true })
  expect(await run()).toMatchObject({ ok: true })
  expect(connects).toHaveLength(2)
  expect(closed).toBe(0)
})

it('[FA1] a session that cannot be closed does not spoil the next call', async () => {
  let calls = 0
  const link = createHostLink({
    host: 'expert-00',
    hello: HELLO,
    within: async (call) => ok(await call),
    async connect(): Promise<Result<OpenSession, MoeError>> {
      return ok({
        run: () => (++calls === 1 ? Promise.reject(new Error('reset')) : Promise.resolve(ROWS)),
        report: async () => REPORT,
        close() {
          throw new Error('already disposed of')
        },
      })
    },
  })
  const run = () => link.run(new Uint8Array(), HEADER, 16)
  expect(await run()).toMatchObject({ ok: false, error: { code: 'host-unavailable' } })
  for (let i = 0; i <= CALLS_PER_SESSION; i++) expect(await run()).toMatchObject({ ok: true }) // through the end of a budget
})
