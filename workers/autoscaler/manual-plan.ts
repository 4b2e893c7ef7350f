import { bytesPerHost } from '../../shared/placement/base-placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { Move } from '../../shared/placement/plan.ts'
import type { PlanHost } from '../../shared/placement/plan.ts'
import type { ScaleRequest } from '../../shared/protocol/autoscaler-api.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'

type Wanted = ScaleRequest['experts'][number]

/**
 * The placement that a request names: `replicas` copies of an expert, its base among them, or its base and exactly `hosts`.
 * Copies that are there stay as far as they are asked for; new ones go where most bytes are free, warm hosts first. Ties go to the lower host.
 * Errors: `invalid-request` for what is not there, twice there or contradictory, `over-budget` where a host cannot hold it.
 */
export function planByHand(
  wanted: readonly Wanted[],
  placement: Placement,
  hosts: readonly PlanHost[],
  expertBytes: readonly (readonly number[])[],
): Result<{ readonly target: Placement; readonly moves: readonly Move[] }, MoeError> {
  if (wanted.length > LIMITS.scaleExpertsMax) return refuse('experts', `at most ${LIMITS.scaleExpertsMax} experts can be named`)
  const layers = placement.layers.map((experts) => experts.map((replicas) => [...replicas]))
  const seen = new Set<string>()
  for (const [at, want] of wanted.entries()) {
    const field = `experts[${at}]`
    const base = placement.base[want.layer]?.[want.expert]
    if (base === undefined) return refuse(field, `there is no expert ${want.expert} in layer ${want.layer}`)
    if (seen.has(`${want.layer}/${want.expert}`)) return refuse(field, 'the expert is named twice')
    seen.add(`${want.layer}/${want.expert}`)
    const replicas = want.hosts ? namedHosts(want, field, base, hosts) : chosenHosts(want, field, base, hosts, layers, placement, expertBytes)
    if (!replicas.ok) return replicas
    layers[want.layer]![want.expert] = replicas.value.toSorted((a, b) => a - b)
  }
  const target = { ...placement, epoch: placement.epoch + 1, layers }
  const over = overBudget(target, hosts, expertBytes)
  return over ?? ok({ target, moves: movesBetween(placement, target, expertBytes) })
}

function namedHosts({ replicas, hosts: names = [] }: Wanted, field: string, base: number, hosts: readonly PlanHost[]): Result<number[], MoeError> {
  const indexes = names.map((name) => hosts.findIndex(({ host }) => host === name))
  const unknown = indexes.indexOf(-1)
  if (unknown >= 0) return refuse(`${field}.hosts`, `there is no host '${names[unknown]!.slice(0, 64)}'`)
  const lost = indexes.find((index) => index !== base && hosts[index]!.state === 'lost')
  if (lost !== undefined) return refuse(`${field}.hosts`, `${hosts[lost]!.host} cannot be used now: it is lost, or the policy wakes no standby`)
  const all = Array.from(new Set([base, ...indexes]))
  if (replicas !== undefined && replicas !== all.length)
    return refuse(`${field}.replicas`, `hosts and base replica are ${all.length} replicas, not ${replicas}`)
  const isolates = all.flatMap((index) => hosts[index]!.isolateId ?? [])
  if (new Set(isolates).size < isolates.length) return refuse(`${field}.hosts`, 'two of the hosts share one isolate')
  return ok(all)
}

function chosenHosts(
  { layer, expert, replicas }: Wanted,
  field: string,
  base: number,
  hosts: readonly PlanHost[],
  layers: readonly (readonly (readonly number[])[])[],
  placement: Placement,
  expertBytes: readonly (readonly number[])[],
): Result<number[], MoeError> {
  if (replicas === undefined) return refuse(field, 'either replicas or hosts must be given')
  if (replicas < 1) return refuse(`${field}.replicas`, 'the base replica always stays: at least 1')
  const chosen = [base, ...layers[layer]![expert]!.filter((host) => host !== base && hosts[host]!.state !== 'lost')].slice(0, replicas)
  const used = bytesPerHost({ ...placement, layers }, expertBytes)
  const bytes = expertBytes[layer]![expert]!
  const free = (index: number) => hosts[index]!.budgetBytes - used[index]!
  const candidates = [...hosts.keys()]
    .filter((index) => !chosen.includes(index) && hosts[index]!.state !== 'lost' && free(index) >= bytes)
    .toSorted((a, b) => Number(hosts[a]!.state !== 'warm') - Number(hosts[b]!.state !== 'warm') || free(b) - free(a) || a - b)
  for (const candidate of candidates) {
    if (chosen.length === replicas) break
    const { isolateId } = hosts[candidate]!
    if (isolateId === null || !chosen.some((index) => hosts[index]!.isolateId === isolateId)) chosen.push(candidate)
  }
  if (chosen.length === replicas) return ok(chosen)
  return fail('over-budget', `expert ${expert} of layer ${layer} has room on ${chosen.length} hosts, ${replicas} are asked for`, {
    part: field,
    bytes: replicas * bytes,
    budgetBytes: chosen.length * bytes,
  })
}

function overBudget(target: Placement, hosts: readonly PlanHost[], expertBytes: readonly (readonly number[])[]) {
  const bytes = bytesPerHost(target, expertBytes)
  const over = hosts.findIndex(({ budgetBytes }, index) => bytes[index]! > budgetBytes)
  if (over < 0) return null
  const { host, budgetBytes } = hosts[over]!
  const message = `${host} would hold ${bytes[over]} bytes of experts, its budget is ${budgetBytes}`
  return fail('over-budget', message, { part: host, bytes: bytes[over]!, budgetBytes })
}

/** Loads first, then drops, each by layer, expert and host. */
export function movesBetween(before: Placement, after: Placement, expertBytes: readonly (readonly number[])[]): Move[] {
  const moves = (kind: Move['kind'], from: Placement, to: Placement): Move[] =>
    to.layers.flatMap((experts, layer) =>
      experts.flatMap((replicas, expert) =>
        replicas
          .filter((host) => !from.layers[layer]![expert]!.includes(host))
          .map((host): Move => ({ kind, layer, expert, host: to.hosts[host]!, bytes: expertBytes[layer]![expert]! })),
      ),
    )
  return [...moves('load', before, after), ...moves('drop', after, before)]
}

function refuse(param: string, message: string) {
  return fail('invalid-request', `Invalid value for '${param}': ${message}.`, { param, reason: 'invalid_value' })
}
