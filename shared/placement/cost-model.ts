/**
 * What a step costs (design: docs/design/elasticity.md). A call to a host costs the engine's thread `callMs` and a round trip `rttMs`, whatever it carries;
 * a host computes `pairsPerMs` (token, expert) pairs. Coefficients are fitted from measured round trips and work counters, never from a host's own clock.
 */
export interface CostModel {
  readonly callMs: number
  readonly rttMs: number
  readonly pairsPerMs: number
}
