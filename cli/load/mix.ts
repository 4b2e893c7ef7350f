import { z } from 'zod'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { BUILT_IN_DOMAINS } from './built-in-domains.ts'

const weight = z.number().min(0).max(1e9)
const name = z.string().min(1).max(LIMITS.loadNameChars)
const text = z.string().min(1).max(LIMITS.promptCharsMax)

/** What a completion needs around a prompt where the chat API would add it: the model's own chat markers. */
const completion = z.strictObject({ before: z.string().max(LIMITS.loadNameChars), after: z.string().max(LIMITS.loadNameChars) })
const domain = z.strictObject({ prompts: z.array(text).min(1).max(LIMITS.loadPromptsMax), completion: completion.optional() })
const weights = z
  .record(name, weight)
  .refine((record) => Object.values(record).some((value) => value > 0), 'must have a weight above 0')
  .refine((record) => Object.keys(record).length <= LIMITS.loadDomainsMax, `must be at most ${LIMITS.loadDomainsMax} domains`)

/** A phase begins at a second of the measured time, or at a share of it, and lasts until the next. */
const phase = z.union([
  z.strictObject({ fromS: z.number().min(0).max(LIMITS.loadDurationSMax), weights }),
  z.strictObject({ fromShare: z.number().min(0).max(1), weights }),
])

/** Which kinds of text are asked for, and when: a JSON file (docs/design/load-test.md). Domains that it does not bring are the built-in ones. */
export const Mix = z.strictObject({
  name,
  domains: z
    .record(name, domain)
    .refine((record) => Object.keys(record).length <= LIMITS.loadDomainsMax, `must be at most ${LIMITS.loadDomainsMax} domains`)
    .optional(),
  phases: z.array(phase).min(1).max(LIMITS.loadPhasesMax),
})

export type Mix = z.output<typeof Mix>
export type Domain = z.output<typeof domain>

/** A phase with its times fixed and its weights summed up. */
export interface MixPhase {
  /** From the beginning of the measured time; the first one also covers the warm-up. */
  readonly fromMs: number
  /** In the mix's order: a domain, and the upper end of its part of [0, 1). */
  readonly shares: readonly { readonly domain: string; readonly upTo: number }[]
}

export interface ResolvedMix {
  readonly name: string
  readonly domains: ReadonlyMap<string, Domain>
  readonly phases: readonly MixPhase[]
}

/**
 * Fixes a mix in time, and checks what the schema cannot: phases ascend from 0, each domain is there.
 * @param brought domains of prompt files: they win over the mix's own and over the built-in ones.
 */
export function resolveMix(mix: Mix, durationMs: number, brought: ReadonlyMap<string, Domain>): ResolvedMix {
  const domains = new Map([...Object.entries(BUILT_IN_DOMAINS), ...Object.entries(mix.domains ?? {}), ...brought])
  const phases = mix.phases.map((p) => ({ fromMs: 'fromS' in p ? p.fromS * 1000 : p.fromShare * durationMs, shares: sharesOf(p.weights) }))
  if (phases[0]!.fromMs !== 0) throw new CliError('mix-invalid', `${mix.name}: the first phase must begin at 0`)
  phases.forEach(({ fromMs, shares }, i) => {
    if (i > 0 && fromMs <= phases[i - 1]!.fromMs) throw new CliError('mix-invalid', `${mix.name}: phase ${i} must begin after phase ${i - 1}`)
    const unknown = shares.find((share) => !domains.has(share.domain))
    if (unknown)
      throw new CliError(
        'mix-invalid',
        `${mix.name}: there are no prompts of ${unknown.domain}; the built-in domains are ${Object.keys(BUILT_IN_DOMAINS).join(', ')}`,
      )
  })
  return { name: mix.name, domains, phases }
}

/** The phase that a time is in. Before 0 is the warm-up: it has the first one's. */
export function phaseAt(mix: ResolvedMix, atMs: number): number {
  return Math.max(
    0,
    mix.phases.findLastIndex(({ fromMs }) => fromMs <= atMs),
  )
}

/** @param draw in [0, 1) */
export function domainOf(phase: MixPhase, draw: number): string {
  return (phase.shares.find(({ upTo }) => draw < upTo) ?? phase.shares.at(-1)!).domain // the last one's end may be rounded below 1
}

function sharesOf(weightOf: Readonly<Record<string, number>>): MixPhase['shares'] {
  const used = Object.entries(weightOf).filter(([, value]) => value > 0)
  const total = used.reduce((sum, [, value]) => sum + value, 0)
  let below = 0
  return used.map(([domain, value]) => ({ domain, upTo: (below += value) / total }))
}
