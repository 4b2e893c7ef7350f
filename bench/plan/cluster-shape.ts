import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { IsomoeShape } from '../../shared/placement/sim-isomoe.ts'

export const WINDOW_TOKENS = 2048

/**
 * The one policy of all replays. It differs from the default where the replay does: copies cost nothing up to `redundant` a layer, so a small gain is enough, and a
 * window is 2048 tokens, not 2 s, so no stay is needed to keep copies from going with every pause. Measured (npm run bench -- plan), mean max/mean and moves a window
 * in file order | interleaved | moves a window on a stationary trace after 10 windows:
 *
 *   windows  gainMin   file          interleaved   stationary
 *         8    0.002   1.073    6    1.0055   3    0
 *         8    0.004   1.069    8    1.0036   4    0.03      this one
 *         8    0.006   1.067   11    1.0059   6    0.5
 *        16    0.002   1.078    3    1.0089   1    0
 *        16    0.004   1.072    4    1.0037   2    0.1
 *        16    0.02    1.228    5    1.0663   3    0.3
 *         4    0.02    1.150   10    1.0320   4    0.7       the default policy, with its stay of 15 windows
 *
 * pinned_history of the golden replay, with the same bytes: 1.073 with 193 moves, 1.003 with 122.
 */
export const REPLAY_POLICY = { ...POLICY_DEFAULT, smoothingWindows: 8, gainMin: 0.004, stayMs: 0 }

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
