import { createEvenSplit, createHashSplit } from '../../shared/placement/plain-splits.ts'
import { createSplitter } from '../../shared/placement/splitter.ts'
import type { Split } from '../../shared/placement/splitter.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { oneOfSetting } from '../settings.ts'

/** Settings that take a part of the engine's elasticity away, so that a bench can say what it is worth. None changes a bit of any output. */
export interface Experiments {
  /** Makes a split for one lane. @param callPairs what a call costs now, in pairs. */
  readonly newSplit: (callPairs: () => number) => Split
  readonly adoption: Adoption
}

/** `live`: a step begins on the newest table while others end on theirs. `pause`: no step begins before all have ended and every host has a session of the new table. */
export type Adoption = 'live' | 'pause'

export function experimentSettings({ SPLIT, ADOPT }: { readonly SPLIT: string; readonly ADOPT: string }): Experiments {
  const splits = { water: (callPairs: () => number) => createSplitter(LIMITS.hostsMax, callPairs), even: createEvenSplit, hash: createHashSplit }
  return { newSplit: splits[oneOfSetting('SPLIT', SPLIT, ['water', 'even', 'hash'])], adoption: oneOfSetting('ADOPT', ADOPT, ['live', 'pause']) }
}
