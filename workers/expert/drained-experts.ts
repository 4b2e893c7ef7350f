/**
 * Experts that were drained: frames of sessions that were open then, or that are opened for an epoch not later than theirs, are told
 * `not-resident`. A session of a later epoch names what its placement gives the host now, so it is not held to it; neither is anybody once
 * a load orders the expert again. Kept with the weights, by the isolate. SPEC RE10.
 */
export interface DrainedExperts {
  /** A session was opened for this epoch. */
  noteEpoch(epoch: number): void
  drain(layer: number, expert: number): void
  undrain(layer: number, expert: number): void
  /** Whether a session of `epoch` is refused. */
  refuses(layer: number, expert: number, epoch: number): boolean
}

/** @param expertCount experts of a layer. */
export function createDrainedExperts(expertCount: number): DrainedExperts {
  /** Expert → the last epoch that is refused. */
  const until = new Map<number, number>()
  let epochMax = 0
  const keyOf = (layer: number, expert: number) => layer * expertCount + expert
  return {
    noteEpoch: (epoch) => void (epochMax = Math.max(epochMax, epoch)),
    drain: (layer, expert) => void until.set(keyOf(layer, expert), epochMax),
    undrain: (layer, expert) => void until.delete(keyOf(layer, expert)),
    refuses: (layer, expert, epoch) => epoch <= (until.get(keyOf(layer, expert)) ?? -1),
  }
}
