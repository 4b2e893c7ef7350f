import { REPLAY_POLICY } from '../../shared/placement/policy.ts'
import type { IsomoeShape } from '../../shared/placement/sim-isomoe.ts'

export const WINDOW_TOKENS = 2048

/** The setting of the golden replay: 8 hosts, 16 redundant copies a layer, a plan every 2048 tokens, steps of 64. */
export const SHAPE: IsomoeShape = {
  hosts: 8,
  redundant: 16,
  stepTokens: 64,
  expertBytes: (3 * 2880 * 2880 * 4.5) / 8,
  cost: { callMs: 0.035, rttMs: 1, pairsPerMs: 1 },
  policy: REPLAY_POLICY,
  boundFirst: false,
}
