import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { begun, deployPlan, ended, inDeletionOrder } from './deploy-plan.ts'
import type { DeployedScript, DeployStep, WantedScript } from './deploy-plan.ts'

interface Aim {
  readonly generation: string
  readonly hosts: number
  /** Of the gateway and the limiter. */
  readonly code: number
}

/** What would be wanted: as the command makes it, without its configs. */
function wantedOf({ generation, hosts, code }: Aim): WantedScript[] {
  const of = (part: string) => `svc-${generation}-${part}`
  const names = Array.from({ length: hosts }, (_, i) => of(`expert-0${i}`))
  const one = (script: string, part: WantedScript['part'], binds: readonly string[], salt: unknown = ''): WantedScript => ({
    script,
    part,
    generation: part === 'gateway' || part === 'limiter' ? null : generation,
    digest: JSON.stringify([script, binds, salt]),
    binds,
  })
  return [
    one('svc-gateway', 'gateway', ['svc-limiter', of('grammar'), of('engine'), of('autoscaler')], code),
    one(of('engine'), 'engine', [of('grammar'), of('autoscaler'), ...names]),
    one(of('autoscaler'), 'autoscaler', names),
    one(of('grammar'), 'grammar', []),
    one('svc-limiter', 'limiter', [], code >> 1),
    ...names.map((name) => one(name, 'host', [])),
  ]
}

/** An account that refuses what Cloudflare refuses, and the record of it that a deploy keeps. */
class Account {
  readonly scripts = new Map<string, WantedScript>()
  readonly record = new Map<string, DeployedScript>()
  now = 0

  plan(aim: Aim, age = 10): DeployStep[] {
    return deployPlan([...this.record.values()], wantedOf(aim), ({ retiredAt }) => retiredAt !== null && Number(retiredAt) + age <= this.now)
  }

  /** @param half the command died in this step: true after it took effect, false before. */
  take(step: DeployStep, half: boolean | null = null): void {
    this.now++
    if (step.kind === 'settle') {
      if (half === false) return
      for (const name of step.retire) this.record.set(name, { ...this.record.get(name)!, retiredAt: String(this.now) })
      for (const name of step.use) this.record.set(name, { ...this.record.get(name)!, retiredAt: null })
    } else if (step.kind === 'delete') {
      if (half !== false) this.scripts.delete(step.script)
      if (half === null) this.record.delete(step.script)
    } else {
      this.record.set(step.script.script, begun(this.record.get(step.script.script), step.script))
      if (half !== false) this.scripts.set(step.script.script, step.script)
      if (half === null) this.record.set(step.script.script, ended(step.script))
    }
    this.check()
  }

  deploy(aim: Aim): void {
    for (const step of this.plan(aim)) this.take(step)
  }

  /** DP2: what must hold whenever somebody looks. */
  check(): void {
    for (const { script, binds } of this.scripts.values()) {
      expect([script, binds.filter((name) => !this.scripts.has(name))]).toEqual([script, []])
      expect(this.record.has(script)).toBe(true) // else nobody would ever delete it
    }
    const generations = new Set([...this.scripts.values()].map(({ generation }) => generation))
    for (const generation of generations) {
      const find = (part: string) => [...this.scripts.values()].find((script) => script.generation === generation && script.part === part)
      const [engine, autoscaler] = [find('engine'), find('autoscaler')]
      if (engine && autoscaler) expect(engine.binds).toEqual(expect.arrayContaining([...autoscaler.binds]))
    }
  }
}

const arbAim = fc.record({ generation: fc.constantFrom('a', 'a', 'a', 'b', 'c'), hosts: fc.integer({ min: 1, max: 5 }), code: fc.integer({ min: 0, max: 3 }) })
const arbCut = fc.option(fc.record({ at: fc.nat(8), took: fc.boolean() }), { freq: 1 })
const arbStory = fc.array(fc.record({ aim: arbAim, cut: arbCut, idle: fc.nat(20) }), { minLength: 1, maxLength: 8 })

it('[DP2] [DP4] after every step, whatever was interrupted before, the service has all that it needs, and a repeated deploy ends where one would', () => {
  fc.assert(
    fc.property(arbStory, arbAim, (story, last) => {
      const account = new Account()
      for (const { aim, cut, idle } of story) {
        account.now += idle
        for (const [index, step] of account.plan(aim).entries()) {
          if (index === cut?.at) {
            account.take(step, cut.took)
            break
          }
          account.take(step)
        }
      }
      account.deploy(last)
      expect(account.plan(last, Infinity)).toEqual([]) // there is nothing left to do
      for (const script of wantedOf(last)) expect(account.scripts.get(script.script)).toEqual(script)
      account.now += 100
      account.deploy(last)
      expect([...account.scripts.keys()].toSorted()).toEqual(
        wantedOf(last)
          .map(({ script }) => script)
          .toSorted(),
      )
      expect([...account.record.keys()].toSorted()).toEqual([...account.scripts.keys()].toSorted())
    }),
    { numRuns: 300 },
  )
})

describe('the order', () => {
  const A = { generation: 'a', hosts: 2, code: 0 }
  const names = (steps: readonly DeployStep[]) =>
    steps.map((step) =>
      step.kind === 'settle'
        ? `settle -${step.retire.length} +${step.use.length}`
        : `${step.kind} ${typeof step.script === 'string' ? step.script : step.script.script}`,
    )
  function deployed(...aims: Aim[]): Account {
    const account = new Account()
    for (const aim of aims) account.deploy(aim)
    return account
  }

  it('[DP2] first: hosts, limiter, grammars, autoscaler, engine, and the gateway last', () => {
    expect(names(new Account().plan(A))).toEqual([
      'deploy svc-a-expert-00',
      'deploy svc-a-expert-01',
      'deploy svc-limiter',
      'deploy svc-a-grammar',
      'deploy svc-a-autoscaler',
      'deploy svc-a-engine',
      'deploy svc-gateway',
    ])
  })

  it('[DP2] more hosts: hosts, engine, autoscaler; nothing else is touched', () => {
    expect(names(deployed(A).plan({ ...A, hosts: 3 }))).toEqual(['deploy svc-a-expert-02', 'deploy svc-a-engine', 'deploy svc-a-autoscaler'])
  })

  it('[DP2] an engine of which nobody knows whether it got its new hosts is deployed again before the autoscaler names them', () => {
    const account = deployed(A)
    const more = { ...A, hosts: 3 }
    const [host, engine] = account.plan(more)
    account.take(host!)
    account.take(engine!, false)
    expect(names(account.plan(more))).toEqual(['deploy svc-a-engine', 'deploy svc-a-autoscaler'])
    account.deploy(more)
  })

  it('[DP4] fewer hosts: autoscaler, engine; the host stays until it was out of use for its time', () => {
    const account = deployed({ ...A, hosts: 3 })
    expect(names(account.plan(A))).toEqual(['deploy svc-a-autoscaler', 'deploy svc-a-engine', 'settle -1 +0'])
    account.deploy(A)
    expect(account.plan(A)).toEqual([])
    account.now += 100
    expect(names(account.plan(A))).toEqual(['delete svc-a-expert-02'])
  })

  it('[DP3] another pack or other code: all of a new generation beside the old one, then the gateway; back again is the gateway alone', () => {
    const account = deployed(A)
    const B = { ...A, generation: 'b', hosts: 1 }
    expect(names(account.plan(B))).toEqual([
      'deploy svc-b-expert-00',
      'deploy svc-b-grammar',
      'deploy svc-b-autoscaler',
      'deploy svc-b-engine',
      'deploy svc-gateway',
      'settle -5 +0',
    ])
    account.deploy(B)
    expect(names(account.plan(A))).toEqual(['deploy svc-gateway', 'settle -4 +5'])
    account.now += 100
    expect(names(account.plan(B))).toEqual([
      'delete svc-a-engine',
      'delete svc-a-autoscaler',
      'delete svc-a-grammar',
      'delete svc-a-expert-00',
      'delete svc-a-expert-01',
    ])
  })

  it('[DP7] two generations that an account cannot hold together are refused before anything is done', () => {
    const account = deployed({ ...A, hosts: 300 })
    expect(() => account.plan({ ...A, generation: 'b', hosts: 300 })).toThrow('old and new generation together are 608 scripts')
    expect(account.plan({ ...A, hosts: 400 })).not.toEqual([])
  })

  it('[DP10] who binds goes before what is bound to', () => {
    const left = new Set(wantedOf(A).map(({ script }) => script))
    for (const { script } of inDeletionOrder(wantedOf(A))) {
      left.delete(script)
      const orphans = wantedOf(A).filter((other) => left.has(other.script) && other.binds.includes(script))
      expect(orphans).toEqual([])
    }
    expect(left.size).toBe(0)
  })
})
