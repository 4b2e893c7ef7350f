import { execFile } from 'node:child_process'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import type OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MeasuredCost } from '../../shared/cost/measured-cost.ts'
import { PHASES } from '../../shared/protocol/autoscaler-api.ts'
import type { AutoscalerState, ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import type { Timings } from '../../workers/gateway/render/timings.ts'
import type { RequestLine } from '../../workers/gateway/request-log/request-record.ts'
import { valueOf } from '../fixtures/exposition.ts'
import type { Exposition } from '../fixtures/exposition.ts'
import { dashboardQueries, selectorsOf } from '../fixtures/grafana-queries.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'
import { quietMetrics, wentBack } from './scrape.ts'

const PROMPTS = ['Once upon a time', 'def main():\n    ', 'Es war einmal', 'The weather in']
let instance: Instance

beforeAll(async () => {
  instance = await startInstance(['--hosts', '2', '--standby', '1'])
  await post('/admin/policy', { enabled: false }) // nothing comes or goes but by hand
})

afterAll(async () => {
  expect(await instance.stop()).toBe(0)
})

async function post<T>(path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  return (await (await fetch(instance.url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as T
}

async function complete(prompt: string): Promise<string> {
  const body = { model: 'isomoe-demo', prompt, max_tokens: 120, temperature: 0.8, seed: 5, ignore_eos: true }
  const answer = await post<{ choices?: { text: string }[] }>('/v1/completions', body)
  if (!answer.choices) throw new Error(JSON.stringify(answer))
  return answer.choices[0]!.text
}

async function state() {
  return (await (await fetch(`${instance.url}/admin/state`)).json()) as { epoch: number; oldestEpoch: number; autoscaler: AutoscalerState }
}

/** Scale events as they are streamed, until the last one is as wanted. */
async function eventsUntil(wanted: (event: ScaleEvent) => boolean): Promise<ScaleEvent[]> {
  const response = await fetch(`${instance.url}/admin/events`)
  const events: ScaleEvent[] = []
  let rest = ''
  for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + bytes).split('\n\n')
    rest = parts.pop()!
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)
      if (data) events.push(JSON.parse(data[1]!) as ScaleEvent)
    }
    if (events.some(wanted)) return events
  }
  throw new Error('the stream of events ended')
}

/** Copies of every expert of two layers on the standby. */
const copies = [0, 3].flatMap((layer) => Array.from({ length: 16 }, (_, expert) => ({ layer, expert, hosts: ['expert-02'] })))

it('[EL3] [EL5] [EL14] copies come and go by hand while requests run: same text, seven phases, bytes back to base', async () => {
  const before = await Promise.all(PROMPTS.map(complete))
  const during = Promise.all(PROMPTS.map(complete))
  const up = await post<{ event: ScaleEvent }>('/admin/scale', { experts: copies })
  expect(up.event).toMatchObject({ reason: 'manual', fromEpoch: 1, toEpoch: 2 })
  const seen = await eventsUntil(({ id, state: at }) => id === up.event.id && at !== 'running')
  expect(seen.at(-1)).toMatchObject({ state: 'done', error: null })
  expect(seen.at(-1)!.phases.map(({ phase }) => phase)).toEqual(PHASES)
  expect(await during).toEqual(before)

  const warm = await state()
  expect(warm.epoch).toBe(2)
  expect(warm.autoscaler.hosts[2]).toMatchObject({ state: 'warm', report: { residentExperts: copies.length } })
  expect(await Promise.all(PROMPTS.map(complete))).toEqual(before)

  const later = Promise.all(PROMPTS.map(complete))
  const down = await post<{ event: ScaleEvent }>('/admin/scale', { experts: copies.map(({ layer, expert }) => ({ layer, expert, replicas: 1 })) })
  await eventsUntil(({ id, state: at }) => id === down.event.id && at === 'done')
  expect(await later).toEqual(before)
  const cold = await state()
  expect(cold.autoscaler.hosts[2]).toMatchObject({ state: 'standby', report: { residentBytes: 0 } })
  expect(cold.autoscaler.placement.layers.flat().every((replicas) => replicas.length === 1)).toBe(true)
})

it('[EL14] of plans for the same at once one is an event; the others are 409 while it is under way, and nothing to do when it is over', async () => {
  const answers = await Promise.all([1, 2, 3].map(() => post<{ event?: ScaleEvent | null; error?: { code: string } }>('/admin/scale', { experts: copies })))
  expect(answers.filter(({ event }) => event)).toHaveLength(1)
  for (const { event, error } of answers)
    if (!event) expect([error?.code ?? 'nothing to do', event]).toEqual(error ? ['conflict', undefined] : ['nothing to do', null])
  while ((await state()).autoscaler.events.some((event) => event.state === 'running')) await setImmediate()
})

it('[CO10] isomoe cost prices what this instance has counted', async () => {
  const counted = async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['bin/isomoe.mjs', 'cost', '--url', instance.url, '--since', 'start', '--json'])
    return JSON.parse(stdout) as MeasuredCost
  }
  let cost = await counted()
  while (cost.counted.generatedTokens < 4 * PROMPTS.length * 120) cost = await counted() // the engine reports once a window
  expect(cost).toMatchObject({ month: null, counted: { requests: 4 * PROMPTS.length, generatedTokens: 4 * PROMPTS.length * 120 } })
  expect(cost.liveObjects).toBeGreaterThanOrEqual(4)
  expect(cost.perMillionOutput!.duration).toBeGreaterThan(0)
})

describe('what it counts', () => {
  const total = (page: Exposition, name: string, labels = {}) => valueOf(page, `isomoe:${name}`, labels)!
  const request = { model: 'isomoe-demo', prompt: PROMPTS[0]!, max_tokens: 8, temperature: 0, ignore_eos: true }
  let counted = 0
  const quiet = async () => {
    const page = await quietMetrics(instance.url, (now) => total(now, 'requests_total') >= counted)
    counted = total(page, 'requests_total')
    return page
  }

  /** Of the log, once each of these requests is there. */
  async function linesOf(ids: readonly (string | null)[]): Promise<RequestLine[]> {
    for (;;) {
      const written = (await instance.log()).split('\n').filter((line) => line.includes('"message":"request"'))
      const lines = written.map((line) => JSON.parse(line.slice(line.indexOf('{'))) as RequestLine)
      if (ids.every((id) => lines.some(({ request_id: own }) => own === id))) return lines
      await setImmediate()
    }
  }

  it('[MT1] [MT5] [MT6] known traffic is counted exactly, answers say what they took, and each request has one line', async () => {
    await post('/admin/policy', { windowMs: 200 }) // engines report soon
    const before = await quiet()
    const { usage, timings } = await post<{ usage: OpenAI.CompletionUsage; timings: Timings }>('/v1/completions', { ...request, n: 3, timings: true })
    const stopped = await fetch(`${instance.url}/v1/completions`, { method: 'POST', body: JSON.stringify({ ...request, max_tokens: 200, stop: ' ' }) })
    const left = await fetch(`${instance.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'isomoe-demo', messages: [{ role: 'user', content: 'Tell me' }], max_tokens: 400, ignore_eos: true, stream: true }),
    })
    const reader = left.body!.getReader()
    for (let text = ''; !text.includes('"delta":{"content":"');) text += new TextDecoder().decode((await reader.read()).value).replaceAll('"content":""', '')
    await reader.cancel()
    const { usage: usedByStopped } = (await stopped.json()) as { usage: OpenAI.CompletionUsage }
    counted += 3
    const after = await quiet()
    const grew = (name: string, labels = {}) => total(after, name, labels) - total(before, name, labels)

    expect(timings).toMatchObject({ prompt_tokens: usage.prompt_tokens, completion_tokens: 24 })
    expect([2, 3]).toContain(timings.hosts) // the standby may still hold what an earlier test put there
    expect(['stop', 'length', 'abort', 'error'].map((reason) => grew('request_success_total', { finished_reason: reason }))).toEqual([1, 3, 1, 0])
    expect([grew('requests_total'), grew('requests_refused_total')]).toEqual([3, 0])
    expect(grew('time_to_first_token_seconds_count')).toBe(5)
    expect(grew('e2e_request_latency_seconds_count')).toBe(5)
    expect(grew('prompt_tokens_total')).toBe(grew('request_prompt_tokens_sum'))
    expect(grew('generation_tokens_total')).toBe(grew('request_generation_tokens_sum'))
    expect(grew('generation_tokens_total')).toBeGreaterThanOrEqual(24 + usedByStopped.completion_tokens)
    expect(grew('inter_token_latency_seconds_count')).toBe(grew('generation_tokens_total') - 5)
    expect(wentBack(before, after)).toEqual([])

    const ids = [stopped, left].map(({ headers }) => headers.get('x-request-id'))
    const lines = await linesOf(ids)
    expect(
      ids.map((id) => lines.filter(({ request_id: own }) => own === id).map(({ route, aborted, finish_reasons: ends }) => [route, aborted, ends])),
    ).toEqual([[['/v1/completions', false, ['stop']]], [['/v1/chat/completions', true, [null]]]])
  })

  it('[MT2] [MT9] hosts say what they read and hold; every series of the dashboard has what its queries ask for', async () => {
    const page = await quiet()
    const now = await state()
    expect(total(page, 'placement_epoch')).toBe(now.epoch)
    expect(total(page, 'host_resident_bytes', { host: 'expert-02' })).toBe(now.autoscaler.hosts[2]!.report!.residentBytes)
    const experts = total(page, 'host_expert_loads_total', { host: 'expert-02' })
    expect(experts).toBeGreaterThanOrEqual(copies.length)
    const read = total(page, 'host_storage_bytes_total', { host: 'expert-02' }) + total(page, 'host_peer_bytes_total', { host: 'expert-02' })
    expect(read).toBeGreaterThanOrEqual(now.autoscaler.hosts[2]!.report!.residentBytes)
    expect(total(page, 'scale_events_total', { reason: 'manual', state: 'done' })).toBe(
      now.autoscaler.events.filter(({ reason }) => reason === 'manual').length,
    )
    expect(total(page, 'expert_replicas', { layer: '0' })).toBe(now.autoscaler.placement.layers[0]!.flat().length)
    for (const { title, expr } of dashboardQueries()) {
      for (const { name, labels } of selectorsOf(expr)) {
        if (name === 'isomoe:host_faults_total') continue // nothing failed
        const has = (page.series.get(name) ?? []).some(({ labels: own }) => labels.every((label) => label in own))
        expect([title, name, has]).toEqual([title, name, true])
      }
    }
  })
})

it('[EL9] what crossed a call is disposed of: the platform has nothing to complain of', async () => {
  expect(await instance.log()).not.toContain('not disposed properly')
})
