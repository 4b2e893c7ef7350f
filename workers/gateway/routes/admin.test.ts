import { describe, expect, it } from 'vitest'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'
import { settled } from '../../../test/fixtures/hand-wound-timer.ts'
import { POLICY_BOUNDS, POLICY_DEFAULT } from '../../../shared/placement/policy.ts'
import type { ScaleEvent } from '../../../shared/protocol/autoscaler-api.ts'
import { moeError } from '../../../shared/protocol/errors.ts'

const event = (id: number, state: ScaleEvent['state'] = 'done'): ScaleEvent => ({
  id,
  reason: 'load',
  fromEpoch: 1,
  toEpoch: 2,
  moves: [],
  phases: [],
  state,
  error: null,
})

describe('GET /admin/state', () => {
  it('[EL14] shows the engine as before, and the autoscaler beside it', async () => {
    const { app } = testGateway()
    expect(await (await app.request('/admin/state')).json()).toMatchObject({ running: 0, isolateId: 'fake', autoscaler: { epoch: 3, policy: POLICY_DEFAULT } })
  })

  it('[EL14] shows the engine when the autoscaler is lost', async () => {
    const { app, autoscaler } = testGateway()
    autoscaler.isLost = true
    expect(await (await app.request('/admin/state')).json()).toMatchObject({ running: 0, autoscaler: { error: { code: 'host_unavailable' } } })
  })
})

describe('GET /admin/events', () => {
  it('[EL14] sends kept events, then each change, under the id of its scale event', async () => {
    const { app, autoscaler } = testGateway()
    autoscaler.history.push(event(4))
    const response = await app.request('/admin/events')
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const read = reading(response)
    expect(await read()).toBe(': still here\n\n')
    expect(await read()).toBe(`id: 4\nevent: scale\ndata: ${JSON.stringify(event(4))}\n\n`)
    autoscaler.listeners.emit(event(5, 'running'))
    expect(await read()).toBe(`id: 5\nevent: scale\ndata: ${JSON.stringify(event(5, 'running'))}\n\n`)
  })

  it('[EL14] goes on from last-event-id, that event included: it may have changed since', async () => {
    const { app, autoscaler } = testGateway()
    autoscaler.history.push(event(4), event(5), event(6))
    const read = reading(await app.request('/admin/events', { headers: { 'last-event-id': '5' } }))
    expect([await read(), await read(), await read()].map((text) => text.slice(0, 5))).toEqual([': sti', 'id: 5', 'id: 6'])
    expect(await outcome(app.request('/admin/events', { headers: { 'last-event-id': '-1' } }))).toMatchObject({ status: 400, param: 'last-event-id' })
  })

  it('[EL14] ends with its client, beats while nothing happens, and ends when the autoscaler goes', async () => {
    const { app, autoscaler, timer } = testGateway()
    const response = await app.request('/admin/events')
    const reader = response.body!.getReader()
    await reader.read()
    await timer.pass()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(': still here\n\n')
    expect([autoscaler.listeners.count(), timer.pending()]).toEqual([1, 1])
    await reader.cancel()
    await settled()
    expect([autoscaler.listeners.count(), timer.pending()]).toEqual([0, 0])
    autoscaler.isLost = true
    expect(await outcome(app.request('/admin/events'))).toMatchObject({ status: 503, code: 'host_unavailable' })
  })
})

it('[EL14] a stream of events that cannot be read is ended on both sides', async () => {
  const { app, autoscaler, logged } = testGateway()
  let cancelled = 0
  autoscaler.events = async () =>
    new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new TextEncoder().encode('{"id":\n')), cancel: () => void cancelled++ })
  expect(await (await app.request('/admin/events')).text()).toBe(': still here\n\n')
  expect(cancelled).toBe(1)
  expect(logged).toEqual(['the stream of scale events broke'])
})

describe('POST /admin/scale', () => {
  it('[EL14] passes on what was asked', async () => {
    const { autoscaler, post } = testGateway()
    const experts = [
      { layer: 0, expert: 3, replicas: 2 },
      { layer: 1, expert: 0, hosts: ['expert-01'] },
    ]
    expect((await post('/admin/scale', { dry_run: true, experts })).status).toBe(200)
    expect((await post('/admin/scale', {})).status).toBe(200)
    expect(autoscaler.requests).toEqual([
      { dryRun: true, experts },
      { dryRun: false, experts: [] },
    ])
  })

  it.each([
    [{ experts: [{ layer: -1, expert: 0, replicas: 1 }] }, 'experts[0].layer', 'invalid_value'],
    [{ experts: [{ layer: 0, expert: 0 }] }, 'experts[0]', 'invalid_value'],
    [{ experts: [{ layer: 0, expert: 0, replicas: 1.5 }] }, 'experts[0].replicas', 'invalid_value'],
    [{ experts: [{ layer: 0, expert: 0, replicas: 1, host: 'x' }] }, 'experts[0].host', 'unknown_parameter'],
    [{ dryRun: true }, 'dryRun', 'unknown_parameter'],
  ])('[EL14] refuses %j', async (body, param, code) => {
    const { autoscaler, post } = testGateway()
    expect(await outcome(post('/admin/scale', body))).toMatchObject({ status: 400, param, code })
    expect(autoscaler.requests).toEqual([])
  })

  it('[EL14] an event under way is 409 with retry-after, a plan over budget 400', async () => {
    const { autoscaler, post } = testGateway()
    autoscaler.refusal = moeError('conflict', 'scale event 4 is under way', { event: 4 })
    const refused = await outcome(post('/admin/scale', {}))
    expect(refused).toMatchObject({ status: 409, code: 'conflict' })
    expect(refused.headers.get('retry-after')).toBe('1')
    autoscaler.refusal = moeError('over-budget', 'expert-00 would hold too much', { part: 'expert-00', bytes: 2, budgetBytes: 1 })
    expect(await outcome(post('/admin/scale', {}))).toMatchObject({ status: 400, param: 'experts', message: 'expert-00 would hold too much' })
  })
})

describe('POST /admin/policy', () => {
  it('[EL14] changes what is named and answers the whole', async () => {
    const { autoscaler, post } = testGateway()
    expect(await (await post('/admin/policy', { stayMs: 5000, source: 'peer', enabled: false })).json()).toEqual({
      ...POLICY_DEFAULT,
      stayMs: 5000,
      source: 'peer',
      enabled: false,
    })
    expect(autoscaler.policy).toMatchObject({ stayMs: 5000 })
  })

  it('[EL14] holds every number to its bounds', async () => {
    const { autoscaler, post } = testGateway()
    for (const [field, { min, max }] of Object.entries(POLICY_BOUNDS)) {
      for (const value of [min, max]) expect((await post('/admin/policy', { [field]: value })).status).toBe(200)
      for (const value of [min - 1, max + 1, '5', null])
        expect(await outcome(post('/admin/policy', { [field]: value }))).toMatchObject({ status: 400, param: field })
    }
    autoscaler.policy = POLICY_DEFAULT
    expect(await outcome(post('/admin/policy', { windowsMs: 1 }))).toMatchObject({ status: 400, code: 'unknown_parameter', param: 'windowsMs' })
    expect(await outcome(post('/admin/policy', { source: 'tape' }))).toMatchObject({ status: 400, param: 'source' })
    expect(autoscaler.policy).toBe(POLICY_DEFAULT)
  })
})

function reading(response: Response): () => Promise<string> {
  const reader = response.body!.getReader()
  return async () => new TextDecoder().decode((await reader.read()).value)
}
