import { execFile } from 'node:child_process'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { MeasuredCost } from '../../shared/cost/measured-cost.ts'
import { PHASES } from '../../shared/protocol/autoscaler-api.ts'
import type { AutoscalerState, ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'

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

it('[EL9] what crossed a call is disposed of: the platform has nothing to complain of', async () => {
  expect(await instance.log()).not.toContain('not disposed properly')
})
