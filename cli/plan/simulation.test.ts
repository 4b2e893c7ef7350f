import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import golden from '../../test/fixtures/placement/replay.json' with { type: 'json' }
import { GPT_OSS_TRACE } from '../../test/fixtures/routing/read-trace.ts'
import { objectSecondUsd } from '../../shared/cost/prices.ts'
import type { Simulation } from './simulation.ts'

/** The real command, in a process of its own. */
function plan(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/isomoe.mjs', 'plan', ...args], { encoding: 'utf8' })
  return { status, stdout, lines: stderr.split('\n').filter((line) => line !== '' && !line.startsWith('plan: ')) }
}

it('[SI2] isomoe plan --simulate gives the golden balance and moves, and bytes and costs that follow from them', () => {
  const { status, stdout, lines } = plan(
    '--simulate',
    GPT_OSS_TRACE,
    '--policy',
    'static',
    'pinned',
    '--split',
    'least_loaded',
    '--expert-bytes',
    '1000',
    '--json',
  )
  expect({ status, lines }).toEqual({ status: 0, lines: [] })
  const {
    rows,
    request: { prices },
  } = JSON.parse(stdout) as Simulation
  const want = golden.interleaved.find(({ policy, R }) => policy === 'pinned_history' && R === 16)!
  const [still, pinned] = rows
  expect(pinned!.window.mean).toBeCloseTo(want.least_loaded.mean, 6)
  expect(pinned!.step.p99).toBeCloseTo(want.batch_least_loaded.p99, 6)
  expect(pinned!.moves).toBeCloseTo(want.moves, 6)
  expect(pinned!.movedBytes).toBeCloseTo(want.moves * 1000, 2)
  expect(pinned!.perMillionTokens.hostSeconds).toBeLessThan(still!.perMillionTokens.hostSeconds)
  // static: 24 layers · (8 calls · 0.035 ms + 1 ms + the busiest host's pairs), 1e6 / 64 steps, 9 objects
  const busiestPairs = (golden.interleaved[0]!.batch_least_loaded.mean * 64 * 4) / 8
  const stepMs = 24 * (8 * 0.035 + 1 + busiestPairs)
  expect(still!.perMillionTokens.stepMs / stepMs).toBeCloseTo(1, 3) // a few steps call fewer than 8 hosts
  expect(still!.perMillionTokens.usd / ((stepMs / 1000) * (1e6 / 64) * 9 * objectSecondUsd(prices))).toBeCloseTo(1, 3)
})

it('[SI2] prints a row a policy and split', () => {
  const { stdout } = plan('--simulate', GPT_OSS_TRACE, '--policy', 'static', '--split', 'even', 'water', '--order', 'file', '--redundant', '0')
  expect(stdout).toMatch(/^static +even +1\.637 +2\.43 +1\.937/m)
  expect(stdout).toMatch(/^static +water +1\.637 +2\.43 +1\.937/m)
})

it('[SI2] hosts need not share slots equally where no policy counts in slots', () => {
  const { status, stdout } = plan('--simulate', GPT_OSS_TRACE, '--policy', 'static', 'isomoe', '--hosts', '7')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^isomoe +water +1\./m)
})

const refusals: [args: string[], status: number, line: string][] = [
  [[], 2, 'isomoe: exactly one of --model, --spec and --simulate is needed. (usage)'],
  [['--simulate', GPT_OSS_TRACE, '--lanes', '2'], 2, 'isomoe: --lanes is not an option of --simulate. (usage)'],
  [['--simulate', 'README.md'], 1, 'isomoe: routing trace: line 1 is no JSON with steps and experts_b64 (trace-invalid)'],
  [['--simulate', 'no-such-file'], 1, "isomoe: no such file or directory, stat 'no-such-file' (ENOENT)"],
  [
    ['--simulate', GPT_OSS_TRACE, '--hosts', '7'],
    1,
    'isomoe: 32 experts and 16 redundant copies are 48 slots, which 7 hosts cannot share equally (invalid-request)',
  ],
  [['--simulate', GPT_OSS_TRACE, '--window', '100'], 1, 'isomoe: a window of 100 tokens is no whole number of steps of 64 (invalid-request)'],
  [['--simulate', GPT_OSS_TRACE, '--window', '64000'], 1, 'isomoe: 83291 tokens fill 1 windows of 64000, a simulation needs 3 (invalid-request)'],
  [['--simulate', GPT_OSS_TRACE, '--redundant', '232'], 1, 'isomoe: 232 redundant copies: 32 experts on 8 hosts take at most 224 (invalid-request)'],
]
it.each(refusals)('[CL1] isomoe plan %j: one line and exit code %i', (args, status, line) => {
  expect(plan(...args)).toEqual({ status, stdout: '', lines: [line] })
})
