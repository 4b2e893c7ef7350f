import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RequestRecord } from '../../cli/load/request-record.ts'
import { readPackFolder } from '../../cli/pack-folder.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import type { BenchPack } from '../cluster/cluster.ts'
import type { BenchOptions, BenchResult } from '../figures.ts'
import { runAutomatic } from './automatic.ts'
import { elasticFigures } from './elastic-figures.ts'
import { runKills } from './kills.ts'
import { measureTrial } from './measure.ts'
import { planForStories } from './provision.ts'
import { resultTable } from './result-table.ts'
import { BASE_HOSTS, PROCESSES, QUICK_TIMES, SLO, STANDBY_HOSTS, TIMES } from './settings.ts'
import { coldRestart, expertGranular, wholeHosts } from './strategies.ts'
import { runTrial } from './trial.ts'
import type { Action, NamedExperts, Trial, TrialOptions } from './trial.ts'

interface Strategy {
  readonly name: string
  readonly action: Action | null
  readonly policy?: TrialOptions['policy']
  readonly vars?: TrialOptions['vars']
  readonly warmStandby?: boolean
}

const STATIC: Strategy = { name: 'static', action: null }
/** Compared round by round. */
const COMPARED: readonly Strategy[] = [
  STATIC,
  { name: 'expert-granular', action: expertGranular },
  { name: 'whole-host replica', action: wholeHosts },
  { name: 'cold restart', action: coldRestart },
]
/** Ours without one of its parts each. */
const ABLATIONS: readonly Strategy[] = [
  { name: 'standbys cold', action: expertGranular, warmStandby: false },
  { name: 'no standby', action: expertGranular, policy: { standby: false }, warmStandby: false },
  { name: 'no versioned table', action: expertGranular, vars: { ADOPT: 'pause' } },
  { name: 'replica by hash', action: expertGranular, vars: { SPLIT: 'hash' } },
  { name: 'even split', action: expertGranular, vars: { SPLIT: 'even' } },
]

/** Everything that was run, by strategy: one trial a round. */
export interface ElasticRuns {
  readonly trials: ReadonlyMap<string, readonly Trial[]>
  readonly reference: readonly RequestRecord[]
}

/** The elastic experiment: a load that shifts, and what strategies of scaling make of it. Host rates are emulated; all else is the product. */
export async function run({ quick, markdown, svg }: BenchOptions): Promise<BenchResult> {
  const folder = join(REPOSITORY, 'models/demo')
  const pack = { folder, manifest: await readPackFolder(folder) }
  const times = quick ? QUICK_TIMES : TIMES
  const provision = quick ? [] : await planForStories(pack)
  const kills = await runKills(pack, times)
  const automatic = await runAutomatic(pack, times)
  const runs = await runStrategies(pack, provision, times, quick)
  const measures = new Map(Array.from(runs.trials, ([name, trials]) => [name, trials.map((trial) => measureTrial(trial, runs.reference, SLO))]))
  if (markdown !== undefined) await writeFile(markdown, resultTable(runs, measures))
  if (svg !== undefined) await writeFile(svg, (await import('./chart.ts')).elasticChart(runs))
  return { outcomes: elasticFigures({ runs, measures, automatic, kills }) }
}

async function runStrategies(pack: BenchPack, provision: NamedExperts, times: TrialOptions['times'], quick: boolean): Promise<ElasticRuns> {
  const trials = new Map<string, Trial[]>()
  const trialOf = async ({ name, action, policy = {}, vars = {}, warmStandby = true }: Strategy) => {
    process.stderr.write(`elastic: ${name}\n`)
    const trial = await runTrial({
      name,
      pack,
      hosts: BASE_HOSTS,
      standby: STANDBY_HOSTS,
      processes: PROCESSES,
      vars,
      times,
      provision,
      policy,
      warmStandby,
      action,
    })
    trials.set(name, [...(trials.get(name) ?? []), trial])
    return trial
  }
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const strategy of round % 2 === 0 ? COMPARED : COMPARED.toReversed()) await trialOf(strategy)
  }
  for (const strategy of quick ? [] : ABLATIONS) await trialOf(strategy)
  return { trials, reference: trials.get(STATIC.name)![0]!.run.records }
}
