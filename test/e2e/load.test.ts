import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BUILT_IN_MIXES } from '../../cli/load/built-in-mixes.ts'
import { MONOTONIC } from '../../cli/load/clock.ts'
import { compareOutputs } from '../../cli/load/compare-outputs.ts'
import type { LoadReport } from '../../cli/load/load-report.ts'
import { resolveMix } from '../../cli/load/mix.ts'
import { runLoad } from '../../cli/load/run-load.ts'
import type { LoadRun } from '../../cli/load/run-load.ts'
import { createSender } from '../../cli/load/send-request.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'

const MODEL = 'isomoe-demo'

let instance: Instance

beforeAll(async () => {
  instance = await startInstance([])
})

afterAll(async () => {
  await instance.stop()
})

function load(...args: readonly string[]): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, [resolve('bin/isomoe.mjs'), 'load', '--url', instance.url, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  let stdout = ''
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
  return new Promise((done) => child.on('close', (code) => done({ code, stdout })))
}

it.each(['completions', 'chat'])('[LT5] isomoe load against isomoe dev, %s: all answered, usage and pieces agree, hosts are seen', async (api) => {
  const { code, stdout } = await load(
    '--api',
    api,
    '--arrivals',
    'constant:4',
    '--duration',
    '3',
    '--warmup',
    '0',
    '--mix',
    'shift',
    '--max-tokens',
    '8',
    '--ignore-eos',
    '--slo',
    'ttft=60s',
    '--json',
  )
  const { summary, cluster, target } = JSON.parse(stdout) as LoadReport
  expect(code).toBe(0)
  expect(target.model).toBe(MODEL)
  expect(summary.all).toMatchObject({ requests: 12, ok: 12, failed: 0, notSent: 0, outputTokens: 96, goodput: { share: 1 } })
  expect(summary.byPhase.map(({ requests }) => requests)).toEqual([6, 6])
  expect(summary.selfCheck).toMatchObject({ withoutUsage: 0, morePiecesThanTokens: 0 })
  const last = cluster!.samples.at(-1)!.hosts
  expect(last).toHaveLength(4)
  expect(last.every(({ residentBytes }) => residentBytes > 0)).toBe(true)
})

/** Twelve requests of one schedule, at `rateScale` times its pace, outputs kept. */
async function keepOutputs(rateScale: number): Promise<LoadRun> {
  const target = {
    url: instance.url,
    api: 'completions',
    model: MODEL,
    apiKey: null,
    temperature: 0.8,
    ignoreEos: false,
    keepOutputs: true,
    timeoutMs: 60_000,
  } as const
  const { send, close } = createSender(target, MONOTONIC.nowMs)
  const entries = Array.from({ length: 12 }, (_, i) => ({ atMs: i * 200, promptTokens: 20, outputTokens: 16 }))
  const plan = {
    arrivals: { kind: 'trace', entries, rateScale, fromS: 0 },
    mix: resolveMix(BUILT_IN_MIXES.get('even')!, 3000, new Map()),
    lengths: { maxTokens: 16, maxPromptTokens: 64, promptTokens: null },
    warmupMs: 0,
    durationMs: 3000,
    seed: 11,
    connectionsMax: 64,
  } as const
  return runLoad(plan, { clock: MONOTONIC, send, cluster: null, signal: new AbortController().signal }).finally(close)
}

it('[NU2] the same requests one by one and all at once have the same outputs, bit by bit', async () => {
  const calm = await keepOutputs(1)
  const burst = await keepOutputs(1000)
  expect(calm.records.every(({ output }) => (output?.tokenIds?.length ?? 0) > 0)).toBe(true)
  expect(compareOutputs(calm.records, burst.records)).toEqual({ compared: 12, altered: [], missing: [] })
})

it('[CL3] dev sends seed traffic by itself, and stops with it', async () => {
  const seeded = await startInstance(['--seed-traffic', 'story'])
  try {
    const steps = async () => ((await (await fetch(`${seeded.url}/admin/state`)).json()) as { steps: number }).steps
    const begin = performance.now()
    while ((await steps()) < 50) expect(performance.now() - begin).toBeLessThan(60_000)
  } finally {
    expect(await seeded.stop()).toBe(0)
  }
  await expect(startInstance(['--seed-traffic', 'nonsense'])).rejects.toThrow(/nonsense is neither a file nor a built-in mix.*\(mix-invalid\)$/m)
})
