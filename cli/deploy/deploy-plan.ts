import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'

/** What a script is in a deployment. Gateway and limiter are there once; the others are of one generation. */
export const PARTS = ['host', 'limiter', 'grammar', 'autoscaler', 'engine', 'gateway'] as const
export type Part = (typeof PARTS)[number]

/** A script as it shall be. */
export interface WantedScript {
  readonly script: string
  readonly part: Part
  /** Of generation parts; null: gateway and limiter. */
  readonly generation: string | null
  /** Of config and code. */
  readonly digest: string
  /** Scripts that it is bound to. */
  readonly binds: readonly string[]
}

/** A script as far as it is known. While it is deployed it may be the old or the new one. */
export interface DeployedScript {
  readonly script: string
  readonly part: Part
  readonly generation: string | null
  /** Null: it may be deployed, and may be another. */
  readonly digest: string | null
  /** All that it may be bound to. */
  readonly binds: readonly string[]
  /** Of them what it surely is bound to. */
  readonly reaches: readonly string[]
  /** When nothing needed it any more, as ISO 8601; null: in use. */
  readonly retiredAt: string | null
}

export type DeployStep =
  | { readonly kind: 'deploy'; readonly script: WantedScript }
  | { readonly kind: 'delete'; readonly script: string }
  /** Notes what is in use from now on, and what is not. */
  | { readonly kind: 'settle'; readonly retire: readonly string[]; readonly use: readonly string[] }

/**
 * The steps from what is deployed to what is wanted. Scripts come after all that they bind to; the gateway, which moves traffic to a generation, is last.
 * Within a generation hosts may come and go: an engine that lacks a new host is deployed before the autoscaler that names it,
 * an autoscaler that still names a host before the engine that loses it. What is as wanted is left alone, so a deploy that was cut short goes on. SPEC DP2 to DP4.
 * @param mayGo whether a script that nothing needs has been out of use for long enough.
 */
export function deployPlan(current: readonly DeployedScript[], wanted: readonly WantedScript[], mayGo: (script: DeployedScript) => boolean): DeployStep[] {
  const known = new Map(current.map((script) => [script.script, script]))
  const wantedNames = new Set(wanted.map(({ script }) => script))
  const gone = inDeletionOrder(unneeded(current, (script) => !wantedNames.has(script.script) && script.part !== 'gateway' && mayGo(script)))
  const all = new Set([...known.keys(), ...wantedNames]).size - gone.length
  if (all > LIMITS.scriptsMax)
    throw new CliError('deploy-refused', `old and new generation together are ${all} scripts, an account has ${LIMITS.scriptsMax}: ${FEWER}`)
  const changed = wanted.filter(({ script, digest }) => known.get(script)?.digest !== digest)
  const order = [...PARTS.slice(0, 3), ...middle(known, wanted), 'gateway']
  const deploys = order.flatMap((part) => changed.filter((script) => script.part === part))
  const retire = current.filter(({ script, retiredAt }) => retiredAt === null && !wantedNames.has(script)).map(({ script }) => script)
  const use = current.filter(({ script, retiredAt }) => retiredAt !== null && wantedNames.has(script)).map(({ script }) => script)
  return [
    ...gone.map(({ script }): DeployStep => ({ kind: 'delete', script })),
    ...deploys.map((script): DeployStep => ({ kind: 'deploy', script })),
    ...(retire.length + use.length > 0 ? [{ kind: 'settle' as const, retire, use }] : []),
  ]
}

const FEWER = 'deploy fewer hosts, or delete what is out of use with --prune'

/** Who is first, where one of both is to be deployed: an engine must reach all that the autoscaler names. */
function middle(known: ReadonlyMap<string, DeployedScript>, wanted: readonly WantedScript[]): readonly Part[] {
  const engine = known.get(wanted.find(({ part }) => part === 'engine')!.script)
  const named = wanted.find(({ part }) => part === 'autoscaler')!.binds
  const lacksNone = engine === undefined || named.every((host) => engine.reaches.includes(host))
  return lacksNone ? ['autoscaler', 'engine'] : ['engine', 'autoscaler'] // no engine: nobody reads the table, and the engine binds to the autoscaler
}

/** Those that may go and that nothing which stays is bound to, over any number of bindings. */
function unneeded(scripts: readonly DeployedScript[], mayGo: (script: DeployedScript) => boolean): DeployedScript[] {
  const byName = new Map(scripts.map((script) => [script.script, script]))
  const needed = new Set<string>()
  const left = scripts.filter((script) => !mayGo(script)).map(({ script }) => script)
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (needed.has(name)) continue
    needed.add(name)
    left.push(...(byName.get(name)?.binds ?? []))
  }
  return scripts.filter(({ script }) => !needed.has(script))
}

/** Who binds before what is bound to. */
export function inDeletionOrder<T extends { readonly part: Part }>(scripts: readonly T[]): T[] {
  const order: readonly Part[] = ['gateway', 'engine', 'autoscaler', 'grammar', 'limiter', 'host']
  return order.flatMap((part) => scripts.filter((script) => script.part === part))
}

/** What is known of a script once a step on it has begun, and may or may not have ended. */
export function begun(current: DeployedScript | undefined, wanted: WantedScript): DeployedScript {
  const { script, part, generation, binds } = wanted
  const base = { script, part, generation, digest: null, retiredAt: null }
  if (current === undefined) return { ...base, binds, reaches: [] }
  return { ...base, binds: [...new Set([...current.binds, ...binds])], reaches: binds.filter((name) => current.reaches.includes(name)) }
}

/** And once it has ended well. */
export function ended({ script, part, generation, digest, binds }: WantedScript): DeployedScript {
  return { script, part, generation, digest, binds, reaches: binds, retiredAt: null }
}
