import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { ZERO_COUNTS } from '../../shared/protocol/engine-api.ts'
import type { EngineState } from '../../shared/protocol/engine-api.ts'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { AutoscalerState, ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { MONOTONIC } from './clock.ts'
import { followCluster } from './cluster-view.ts'
import type { ClusterView } from './cluster-view.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    const closed = new Promise((done) => server.close(done))
    server.closeAllConnections()
    await closed
  }
})

/** Follows a server until it was asked for its state `looks` times. */
async function follow(state: () => string, looks: number, events: ((response: ServerResponse) => void) | null): Promise<ClusterView | null> {
  const ended = new AbortController()
  let asked = 0
  const server = createServer((request, response) => {
    if (request.url === '/admin/state') {
      response.end(state())
      if (++asked === looks) setImmediate(() => ended.abort())
    } else if (request.url === '/admin/events' && events) {
      events(response.writeHead(200, { 'content-type': 'text/event-stream' }))
    } else response.writeHead(404).end()
  })
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return followCluster({ server: `http://127.0.0.1:${port}`, apiKey: null, clock: MONOTONIC, originMs: MONOTONIC.nowMs(), pollMs: 20, signal: ended.signal })
}

const WORK = { frames: 1, pairs: 1, loads: 0, drops: 0, storageBytes: 0, peerBytes: 0 }
const REPORT = { isolateId: 'i', kernels: 'vnni', residentBytes: 50, arenaBytes: 100, residentExperts: 2, peakBytes: 60, queuedFrames: 0, work: WORK }

function autoscalerState(): AutoscalerState {
  return {
    epoch: 3,
    placement: { epoch: 3, hosts: ['expert-00', 'expert-01'], base: [[0, 1]], layers: [[[0, 1], [1]]] },
    policy: POLICY_DEFAULT,
    load: [[1, 2]],
    hosts: [
      { host: 'expert-00', state: 'warm', isolateId: 'i', leaseUntilMs: 1, report: REPORT },
      { host: 'expert-01', state: 'standby', isolateId: null, leaseUntilMs: 0, report: REPORT },
    ],
    engines: [],
    step: null,
    cost: null,
    events: [scaleEvent(1, 'done')],
  }
}

function scaleEvent(id: number, state: ScaleEvent['state']): ScaleEvent {
  return {
    id,
    reason: 'load',
    fromEpoch: 3,
    toEpoch: 4,
    moves: [{ kind: 'load', layer: 0, expert: 1, host: 'expert-01', bytes: 10 }],
    phases: [{ phase: 'plan', startMs: 5, endMs: 6, bytes: 0 }],
    state,
    error: null,
  } as ScaleEvent
}

/** An engine that is connected to one of two hosts. */
function engineState(pairs: number): EngineState {
  const seen = { arenaBytes: 10, residentExperts: 1, assignedExperts: 1, calls: 0, meanRttMs: 0, maxRttMs: 0, hedged: 0, faults: {} }
  return {
    status: { state: 'loading', bytesRead: 0, bytesTotal: 1 },
    ...ZERO_COUNTS,
    isolateId: 'e',
    kernels: 'plain',
    lanes: 1,
    epoch: 2,
    oldestEpoch: 1,
    memoryBytes: 1,
    hosts: [
      { host: 'expert-00', isolateId: 'i', residentBytes: 9, pairs, ...seen },
      { host: 'expert-01', isolateId: null, residentBytes: 0, pairs: 0, ...seen },
    ],
  }
}

it('[LT8] reads hosts, work, extra copies and scale events; what ended before the run is history', async () => {
  const unsent = [scaleEvent(2, 'running'), scaleEvent(2, 'done')]
  let looks = 0
  let events: ServerResponse | null = null
  const send = (event: ScaleEvent) => events!.write(`data: ${JSON.stringify(event)}\n\n`)
  const state = () => {
    if (events && unsent.length > 0) send(unsent.shift()!)
    return JSON.stringify({ ...engineState(7 * ++looks), autoscaler: autoscalerState() })
  }
  const view = await follow(state, 12, (response) => {
    events = response
    send(scaleEvent(1, 'done'))
  })
  expect(view!.samples[0]).toMatchObject({ epoch: 2, extraCopies: 1 })
  expect(view!.samples[1]!.hosts).toEqual([
    { host: 'expert-00', state: 'warm', residentBytes: 9, pairs: 14 },
    { host: 'expert-01', state: 'standby', residentBytes: 50, pairs: 0 },
  ])
  expect(view!.events.map(({ event }) => [event.id, event.state])).toEqual([[2, 'done']])
  expect(view!.events[0]!.endedMs).toBeGreaterThanOrEqual(view!.events[0]!.seenMs)
})

it('[LT8] reads an engine without autoscaler, or beside one that does not answer: hosts, but no copies and no events', async () => {
  for (const state of [engineState(1), { ...engineState(1), autoscaler: { error: { message: 'no' } } }]) {
    const view = await follow(() => JSON.stringify(state), 3, null)
    expect(view!.events).toEqual([])
    expect(view!.samples[0]).toMatchObject({ extraCopies: null, hosts: [{ state: null, residentBytes: 9, pairs: 1 }, { residentBytes: 0 }] })
  }
})

it.each(['', 'null', '[]', '{"epoch":1}', '{"epoch":1,"hosts":[{"host":5}]}', '<html>'])('[LT8] a server that answers %j shows no cluster', async (text) => {
  expect(await follow(() => text, 1, null)).toBeNull()
})

it('[LT8] events that are none, and a stream that breaks, change nothing', async () => {
  const view = await follow(
    () => JSON.stringify(engineState(1)),
    4,
    (response) => {
      response.write('data: {"id":"x"}\n\ndata: nonsense\n\n: hm\n\n')
      response.destroy()
    },
  )
  expect(view!.events).toEqual([])
  expect(view!.samples.length).toBeGreaterThanOrEqual(3)
})
