/** Which expert a board's cell stands for. */
export interface ExpertAt {
  readonly layer: number
  readonly expert: number
}

/** The expert of the cell that an event came from; null where it is none. */
export function expertAt(target: EventTarget | null): ExpertAt | null {
  if (!(target instanceof HTMLElement)) return null
  const { layer, expert } = target.dataset
  return layer === undefined || expert === undefined ? null : { layer: Number(layer), expert: Number(expert) }
}

/** The pointed expert of one layer; −1 where it is of another. */
export function expertIn(layer: number, pointed: ExpertAt | null): number {
  return pointed?.layer === layer ? pointed.expert : -1
}
