import { BUILT_IN_DOMAINS } from './built-in-domains.ts'
import type { Mix } from './mix.ts'

const DOMAINS = Object.keys(BUILT_IN_DOMAINS)

/** Mixes by name. Each domain is one too. */
export const BUILT_IN_MIXES: ReadonlyMap<string, Mix> = new Map(
  [
    { name: 'even', phases: [{ fromShare: 0, weights: Object.fromEntries(DOMAINS.map((domain) => [domain, 1])) }] },
    shift('shift', 'story', 'german'),
    shift('shift-code', 'story', 'code'),
    { name: 'rotate', phases: DOMAINS.map((domain, i) => ({ fromShare: i / DOMAINS.length, weights: { [domain]: 1 } })) },
    ...DOMAINS.map((domain) => ({ name: domain, phases: [{ fromShare: 0, weights: { [domain]: 1 } }] })),
  ].map((mix) => [mix.name, mix]),
)

/** One domain until half time, then nine requests of ten are of another: the demo's heat moves to other experts. */
function shift(name: string, first: string, second: string): Mix {
  return {
    name,
    phases: [
      { fromShare: 0, weights: { [first]: 1 } },
      { fromShare: 0.5, weights: { [first]: 1, [second]: 9 } },
    ],
  }
}
