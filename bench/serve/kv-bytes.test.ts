import { expect, it } from 'vitest'
import { stepLimits } from '../../shared/core/scratch.ts'
import { planEngineMemory } from '../../shared/placement/budget.ts'
import type { EngineState } from '../../shared/protocol/engine-api.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import { kvBytesOverFormula, kvTokenBytes } from './kv-bytes.ts'

const PLAN = planEngineMemory(TINY_SPEC, 'q8', stepLimits(TINY_SPEC, 64, 1))

function stateWith(kvPagesUsed: number): EngineState {
  if (!PLAN.ok) throw new Error(PLAN.error.message)
  const { totalBytes, kvPages } = PLAN.value
  const rest = {
    status: { state: 'loading', bytesRead: 0, bytesTotal: 0 },
    isolateId: '',
    kernels: '',
    epoch: 1,
    running: 1,
    waiting: 0,
    steps: 0,
    hosts: [],
    lanes: 1,
    kvPagesCached: 0,
    cachedTokens: 0,
    preemptions: 0,
  } as const
  return { ...rest, kvPagesUsed, kvPagesTotal: kvPages, memoryBytes: totalBytes }
}

it('bytes of a token are its keys and values in every layer', () => {
  expect(kvTokenBytes(TINY_SPEC)).toBe(2 * 2 * 1 * 20 * 4) // layers × {key, value} × heads × width × f32
})

it('pages that are only partly full count whole, pages of others do not', () => {
  expect(kvBytesOverFormula(TINY_SPEC, 'q8', 64, stateWith(3), stateWith(5), 32)).toBeCloseTo(1)
  expect(kvBytesOverFormula(TINY_SPEC, 'q8', 64, stateWith(3), stateWith(5), 20)).toBeCloseTo(32 / 20)
})
