import { describe, expect, it } from 'vitest'
import { FULL_SHAPE, specOf } from '../../bench/synthetic/shape.ts'
import type { SyntheticShape } from '../../bench/synthetic/shape.ts'
import { LIMITS, MIB } from '../protocol/limits.ts'
import { TIERS } from '../protocol/tiers.ts'
import { planDeployment } from './deployment.ts'
import type { DeploymentInput } from './deployment.ts'
import { planOrRemedy } from './remedy.ts'

function input(shape: Partial<SyntheticShape>, change: Partial<DeploymentInput> = {}): DeploymentInput {
  const spec = specOf({ ...FULL_SHAPE, ...shape })
  return { spec, tier: 'q8', trunk: 'q8', lanes: 4, context: 640, hosts: null, standby: 0, tokenizerBytes: null, hypotheticalTokens: null, ...change }
}

function refusal(of: DeploymentInput, tiers = TIERS as readonly (typeof TIERS)[number][]): string {
  const planned = planOrRemedy(of, { tiers, contextMin: 640 })
  if (planned.ok) throw new Error('it fits')
  expect(planned.error.code).toBe('over-budget')
  return planned.error.message
}

/** The options that a refusal names, applied. */
function obey(of: DeploymentInput, message: string): DeploymentInput {
  const options = /: ((?:--?\S+ \S+ ?|no --hosts ?)+)would make it possible/.exec(message)![1]!
  const value = (name: string) => new RegExp(`--${name} (\\S+)`).exec(options)?.[1]
  return {
    ...of,
    ...(value('lanes') && { lanes: Number(value('lanes')) }),
    ...(value('trunk') && { trunk: value('trunk') as 'q4' }),
    ...(value('tier') && { tier: value('tier') as 'q4' }),
    ...(value('context') && { context: Number(value('context')) }),
    ...(value('standby') && { standby: Number(value('standby')) }),
    ...(options.includes('no --hosts') && { hosts: null }),
  }
}

describe('what is refused, and what would make it possible', () => {
  const cases: [what: string, of: DeploymentInput, message: RegExp][] = [
    ['a trunk that fits at q4', input({ layers: 32, vocab: 16384 }), /the trunk does not fit one isolate: --trunk q4 would/],
    ['a context that the KV does not hold', input({ context: 1 << 17 }, { context: 1 << 17 }), /keys and values of 131072 positions .*: --context \d+ would/],
    [
      'an expert larger than an arena',
      input({ hidden: 4096, layers: 1, vocab: 512, expertWidth: 10240 }, { tier: 'q8' }),
      /larger than the arena of a host: --tier q4 would/,
    ],
    ['too many standbys', input({}, { standby: LIMITS.hostsMax }), /hosts and 480 standby are more than 480: --standby 470 would/],
    ['too few hosts', input({}, { hosts: 2 }), /would hold .*: no --hosts would/],
    [
      'more hosts than there are',
      input({ experts: 4096, layers: 8, vocab: 512, hidden: 256, expertWidth: 2048, heads: 4 }),
      /hosts are more than 480: --tier q4 would/,
    ],
  ]
  it.each(cases)('[CO4] %s: the change that is named works, and nothing smaller', (_, of, message) => {
    const said = refusal(of)
    expect(said).toMatch(message)
    expect(planDeployment(of).ok).toBe(false)
    expect(planDeployment(obey(of, said)).ok).toBe(true)
  })

  it('[CO4] a context is the largest that fits: one page more is refused', () => {
    const of = input({ context: 1 << 17 }, { context: 1 << 17 })
    const changed = obey(of, refusal(of))
    expect(planDeployment({ ...changed, context: changed.context + 1 }).ok).toBe(false)
  })

  it('[CO4] what no option makes possible is said to be so, with the engines that it would take', () => {
    expect(refusal(input({ vocab: 1 << 17, hidden: 2048 }))).toMatch(/no option changes that: at trunk q4 it would take \d+ engines/)
  })

  it('[CO4] a tier that the pack does not have is not proposed', () => {
    expect(refusal(input({ hidden: 4096, layers: 1, vocab: 512, expertWidth: 10240 }), ['q8'])).toMatch(/no option changes that/)
  })

  it('[CO4] a tokenizer too large for the gateway', () => {
    expect(refusal(input({}, { tokenizerBytes: 28 * MIB }))).toMatch(/tokenizer is too large for the gateway: no option/)
  })

  it('[CO3] nothing is planned over an isolate; several engines only as a hypothesis', () => {
    const planned = planDeployment(input({ vocab: 1 << 17, hidden: 2048 }, { hypotheticalTokens: 5000 }))
    if (!planned.ok) throw new Error(planned.error.message)
    expect(planned.value.stages).toBeGreaterThan(1)
    expect(planned.value.kvTokens).toBeGreaterThanOrEqual(5000)
    for (const { totalBytes } of planned.value.isolates) expect(totalBytes).toBeLessThanOrEqual(LIMITS.isolateBytes)
  })
})
