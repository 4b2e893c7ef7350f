import { join } from 'node:path'
import { CliError } from '../errors.ts'
import { deployedUrl, lastWords } from '../wrangler.ts'
import type { RunWrangler } from '../wrangler.ts'
import { begun, ended } from './deploy-plan.ts'
import type { DeployedScript, DeployStep } from './deploy-plan.ts'
import type { DeploymentRecord, OpenRecord } from './deployment-record.ts'

export interface StepDeps {
  readonly wrangler: RunWrangler
  /** Where the scripts' configs are. */
  readonly configs: string
  nowIso(): string
  say(line: string): void
}

/** Does the steps, one after the other; each is in the record before it begins and when it has ended. SPEC DP9. @returns the record at the end. */
export async function takeSteps(open: OpenRecord, start: DeploymentRecord, steps: readonly DeployStep[], deps: StepDeps): Promise<DeploymentRecord> {
  let record = start
  async function note(change: Partial<DeploymentRecord>): Promise<void> {
    record = { ...record, ...change }
    await open.save(record)
  }
  for (const [index, step] of steps.entries()) {
    const where = `step ${index + 1} of ${steps.length}`
    deps.say(`${where}: ${describeStep(step)}`)
    if (step.kind === 'settle') {
      const retiredAt = deps.nowIso()
      await note({ scripts: record.scripts.map((script) => settled(script, step, retiredAt)) })
    } else if (step.kind === 'delete') {
      await deleteScript(deps.wrangler, step.script, where)
      await note({ scripts: record.scripts.filter(({ script }) => script !== step.script) })
    } else {
      const { script, part } = step.script
      await note({ scripts: withScript(record.scripts, begun(find(record, script), step.script)) })
      const { code, said } = await deps.wrangler(['deploy', '--config', join(deps.configs, `${script}.json`)])
      if (code !== 0) throw new CliError('deploy-failed', `wrangler could not deploy ${script} (${where}): ${lastWords(said)}. ${GO_ON}`)
      const url = part === 'gateway' ? (deployedUrl(said) ?? record.url) : record.url
      await note({ url, scripts: withScript(record.scripts, ended(step.script)) })
    }
  }
  return record
}

const GO_ON = 'What was done stays, what served still serves; the same command goes on from here'
/** What Cloudflare says of a script that is not there. */
const ABSENT = /\[code: 100(07|90)\]|does not exist/

/** Deletes a script; one that is not there is fine. */
export async function deleteScript(wrangler: RunWrangler, script: string, where: string): Promise<void> {
  // --force: who is bound to it is known here, and wrangler would ask
  const { code, said } = await wrangler(['delete', '--name', script, '--force'])
  if (code !== 0 && !ABSENT.test(said)) throw new CliError('deploy-failed', `wrangler could not delete ${script} (${where}): ${lastWords(said)}. ${GO_ON}`)
}

export function describeStep(step: DeployStep): string {
  if (step.kind === 'settle')
    return `note that ${step.retire.length} scripts are out of use${step.use.length > 0 ? `, and ${step.use.length} in use again` : ''}`
  return step.kind === 'delete' ? `delete ${step.script}` : `deploy ${step.script.script}`
}

function settled(script: DeployedScript, { retire, use }: Extract<DeployStep, { kind: 'settle' }>, retiredAt: string): DeployedScript {
  if (use.includes(script.script)) return { ...script, retiredAt: null }
  return retire.includes(script.script) ? { ...script, retiredAt } : script
}

function find({ scripts }: DeploymentRecord, name: string): DeployedScript | undefined {
  return scripts.find(({ script }) => script === name)
}

function withScript(scripts: readonly DeployedScript[], changed: DeployedScript): readonly DeployedScript[] {
  return [...scripts.filter(({ script }) => script !== changed.script), changed]
}
