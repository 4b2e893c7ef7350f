import { expect, it } from 'vitest'
import { kvPageBytes } from '../../shared/core/kv-layout.ts'
import { CHUNK_DEFAULT, stepLimits } from '../../shared/core/scratch.ts'
import { kvTokenBytesFormula, planEngineMemory } from '../../shared/placement/budget.ts'
import { ZERO_COUNTS } from '../../shared/protocol/engine-api.ts'
import type { EngineState } from '../../shared/protocol/engine-api.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import { kvBytesOverFormula } from './kv-bytes.ts'

const LANES = 2
const PLAN = planEngineMemory(TINY_SPEC, 'q8', stepLimits(TINY_SPEC, CHUNK_DEFAULT, LANES))

function stateWith(kvPagesUsed: number): EngineState {
  if (!PLAN.ok) throw new Error(PLAN.error.message)
  const { totalBytes, kvPages } = PLAN.value
  const rest = {
    ...ZERO_COUNTS,
    status: { state: 'loading', bytesRead: 0, bytesTotal: 0 },
    isolateId: '',
    kernels: '',
    epoch: 1,
    oldestEpoch: 1,
    running: 1,
    hosts: [],
    lanes: LANES,
  } as const
  return { ...rest, kvPagesUsed, kvPagesTotal: kvPages, memoryBytes: totalBytes }
}

it('pages that are only partly full count whole, pages of others do not', () => {
  const full = (kvPageBytes(TINY_SPEC, 'q8') * 2) / (32 * kvTokenBytesFormula(TINY_SPEC, 'q8'))
  expect(kvBytesOverFormula(TINY_SPEC, 'q8', CHUNK_DEFAULT, stateWith(3), stateWith(5), 32)).toBeCloseTo(full)
  expect(kvBytesOverFormula(TINY_SPEC, 'q8', CHUNK_DEFAULT, stateWith(3), stateWith(5), 20)).toBeCloseTo((full * 32) / 20)
})
