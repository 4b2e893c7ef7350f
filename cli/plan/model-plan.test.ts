import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PRICES } from '../../shared/cost/prices.ts'
import { RATES_MEASURED } from '../../shared/cost/rates.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { runCommand } from '../testing/run-command.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { planCommand } from './command.ts'
import type { ModelPlan } from './model-plan.ts'
import { planModel } from './model-plan.ts'
import type { ModelPlanRequest } from './model-plan.ts'
import { describeModelPlan } from './model-report.ts'
import { readPrices } from './price-file.ts'
import { sourceFromConfig, sourceFromPack } from './plan-source.ts'
import { readProbe } from '../probe/probe-result.ts'

const root = temporaryFolder()
const QWEN = 'docs/guides/models/qwen3-30b-a3b.json'

const REQUEST: ModelPlanRequest = {
  tier: 'q8',
  trunk: 'q8',
  lanes: 4,
  context: null,
  hosts: null,
  standby: 1,
  batches: [1, 8, 32],
  request: { promptTokens: 512, outputTokens: 128 },
  requestsPerS: 0.01,
  lingerS: 105,
  rttMs: null,
  rate: null,
  prices: PRICES,
  probe: null,
  local: false,
  hypothetical: false,
}

const plan = (...args: string[]) => runCommand(planCommand, args)

function write(name: string, value: unknown): string {
  const path = join(root, name)
  writeFileSync(path, JSON.stringify(value))
  return path
}

it('[CO3] the demo pack fits: isolates within their budget, a row a batch, dollars for each', async () => {
  const { status, stdout, lines } = await plan('--model', 'models/demo', '--standby', '1', '--tokens-per-day', '1e6', '--json')
  expect({ status, lines }).toEqual({ status: 0, lines: [] })
  const made = JSON.parse(stdout) as ModelPlan
  expect(made.deployment).toMatchObject({ hosts: 1, standby: 1, stages: 1 })
  expect(made.deployment.isolates.map(({ isolate }) => isolate)).toEqual(['engine', 'host (fullest)', 'gateway'])
  for (const { totalBytes } of made.deployment.isolates) expect(totalBytes).toBeLessThanOrEqual(LIMITS.isolateBytes)
  expect(made.rows.map(({ batch }) => batch)).toEqual([1, 8, 32])
  for (const { perMillionOutput } of made.rows) expect(perMillionOutput.total).toBeGreaterThan(0)
  expect(made.load!.month.total).toBeGreaterThan(5)
  expect(made.storage.coldStart.reads).toBeGreaterThan(96)
})

it('[CO7] the text says prices with their date, the transport, where rates come from, and ends with the comparison', async () => {
  const text = describeModelPlan(planModel(await sourceFromPack('models/demo'), REQUEST))
  expect(text).toContain(`Prices of ${PRICES.date}`)
  expect(text).toContain('Transport: RPC sessions')
  expect(text).toMatch(/round trip 2 ms \(assumed/)
  expect(text.trimEnd().split('\n').at(-1)).toBe('No model of this size has a price by the token in the table: nothing to compare with.')
})

it('[CO7] a model that Workers AI sells is compared with its price, prompts included, also where that is far cheaper', async () => {
  const request = { ...REQUEST, tier: 'q4', trunk: 'q4', requestsPerS: null, hypothetical: true } as const
  const made = planModel(await sourceFromConfig(QWEN), request)
  const last = describeModelPlan(made).trimEnd().split('\n').at(-1)!
  const theirs = 0.335 + 0.051 * 4
  expect(last).toContain(`qwen3-30b-a3b-fp8: $${theirs.toFixed(2)} for a million output tokens`)
  const best = Math.min(...made.rows.map(({ perMillionOutput }) => perMillionOutput.total))
  expect(last).toContain(`isomoe costs ${(best / theirs).toPrecision(2)} times as much.`)
})

it('[CO4] a model that no option makes fit is refused, with what it would take', async () => {
  const { status, stdout, lines } = await plan('--spec', QWEN)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(lines).toEqual([
    expect.stringMatching(/^isomoe: the engine needs .* no option changes that: at trunk q4 it would take \d+ engines .* \(over-budget\)$/),
  ])
})

it('[CO3] a hypothesis is named in the first line', async () => {
  const made = planModel(await sourceFromConfig(QWEN), { ...REQUEST, tier: 'q4', trunk: 'q4', hypothetical: true })
  expect(describeModelPlan(made)).toMatch(/^HYPOTHETICAL: the trunk is cut over \d+ engines/)
  expect(made.rows.at(-1)).toMatchObject({ batch: 32, running: 32 }) // so many engines that the batches fit
})

it('[CO1] --prices: every field must be there, none may be unknown; its date and numbers are used', async () => {
  const dear = { ...PRICES, date: '2030-01-01', object: { ...PRICES.object, usdPerMillionGbSeconds: 125 } }
  const source = await sourceFromPack('models/demo')
  const [base, ten] = [PRICES, await readPrices(write('dear.json', dear))].map((prices) => planModel(source, { ...REQUEST, prices }))
  expect(ten!.rows[0]!.perMillionOutput.duration).toBeCloseTo(10 * base!.rows[0]!.perMillionOutput.duration, 9)
  expect(describeModelPlan(ten!)).toContain('Prices of 2030-01-01')
  await expect(readPrices(write('typo.json', { ...PRICES, minimumUSD: 5 }))).rejects.toMatchObject({ code: 'prices-invalid', message: /minimumUSD/ })
  const { gpu: _gpu, ...missing } = PRICES
  await expect(readPrices(write('missing.json', missing))).rejects.toMatchObject({ code: 'prices-invalid', message: /gpu/ })
  await expect(readPrices(write('negative.json', { ...PRICES, minimumUsdPerMonth: -1 }))).rejects.toMatchObject({ message: /minimumUsdPerMonth/ })
})

it('[CO8] --probe: its round trip, speed and throughput take the place of what is assumed; an option wins over it', async () => {
  const times = { calls: 100, meanMs: 0.7, p50Ms: 1, p90Ms: 1 }
  const findings = {
    sharing: { objectsOfOneClass: [4], objectsOfScripts: [2, 1] },
    roundTrips: [{ hint: null, callerColo: 'FRA', calleeColo: 'FRA', session: times, stub: times }],
    storage: [{ rangeBytes: 4 * 1024 * 1024, inFlight: 4, reads: 16, bytesPerS: 1e8, rangeP50Ms: 160 }],
    compute: { kernels: 'plain', weightsPerS: 1e9, calls: 8 },
  }
  const file = write('probe.json', { format: 'isomoe-probe', version: 1, date: '2026-11-22T10:00:00Z', where: 'deployed', colo: 'FRA', findings, failed: [] })
  const probe = await readProbe(file)
  const source = await sourceFromPack('models/demo')
  const made = planModel(source, { ...REQUEST, probe })
  expect(made.rates).toMatchObject({ rttMs: 0.7, readBytesPerS: 1e9 * 0.5625 })
  expect(made.coldHostS).toBeCloseTo(made.storage.coldStart.hostBytes / 1e8, 9)
  expect(made.rateSources.join()).toContain('deployed probe of 2026-11-22')
  expect(describeModelPlan(made)).toContain('WARNING: in the probe 3 scripts shared 2 isolates')
  expect(planModel(source, { ...REQUEST, probe, rttMs: 9 }).rates.rttMs).toBe(9)
  const local = planModel(source, { ...REQUEST, probe: { ...probe, where: 'local' } })
  expect([local.rates.rttMs, local.coldHostS, local.rates.readBytesPerS]).toEqual([RATES_MEASURED.rttMs, null, made.rates.readBytesPerS])
  expect(local.rateSources.join()).toContain('assumed')
  expect(local.warnings).toEqual([expect.stringContaining('ran in workerd')])
  await expect(readProbe(write('other.json', { format: 'isomoe-probe', version: 2 }))).rejects.toMatchObject({ code: 'probe-invalid' })
})

const refusals: [args: string[], status: number, line: RegExp][] = [
  [['--model', 'models/demo', '--simulate', 'x'], 2, /exactly one of/],
  [['--model', 'models/demo', '--window', '7'], 2, /--window is not an option of --model/],
  [['--model', 'models/demo', '--concurrency', '1,65'], 2, /from 1 to 64/],
  [['--model', 'models/demo', '--tier', 'f32'], 1, /no tier f32, only .* \(tier-missing\)/],
  [['--model', 'models/demo', '--context', '4096'], 1, /more than the model's context of 1024/],
  [['--model', 'models/demo', '--prompt-tokens', '1000'], 1, /a request of 1128 tokens|more than the model's context/],
  [['--spec', 'README.md'], 1, /README.md is not JSON/],
]
it.each(refusals)('[CL1] isomoe plan %j: one line, exit code %i', async (args, status, line) => {
  expect(await plan(...args)).toEqual({ status, stdout: '', lines: [expect.stringMatching(line)] })
})
