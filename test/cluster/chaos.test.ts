import { beforeAll, expect, it } from 'vitest'
import { runChaos, runStatically } from './chaos/run.ts'
import type { Blackout, ChaosRun } from './chaos/run.ts'
import type { StaticRun } from './chaos/checks.ts'
import { FAULTS } from './chaos/faults.ts'
import { loadTinyPack } from '../fixtures/load-tiny-pack.ts'
import type { LoadedTinyPack } from '../fixtures/load-tiny-pack.ts'

/** `CHAOS_SEED=7,8 npx vitest run --project cluster test/cluster/chaos.test.ts` runs these instead, with their whole log. */
const REPLAYED = (process.env['CHAOS_SEED'] ?? '').split(',').flatMap((seed) => (seed === '' ? [] : [Number(seed)]))
const SEEDS = [3, 1, 2, 4, 9, 114]
const BLACKOUT: Blackout = { fromMs: 15_000, forMs: 60_000 }
const LINES_SHOWN = 150

/** Beside every fault: what shows that faults hit something, and that there was something to hit. */
const MUST_HAPPEN = [
  ...['load done', 'lost-host done'].map((ended) => `event: ${ended}`),
  'move: load',
  'move: drop',
  'event error: weights-corrupt',
  'copies damaged',
  'reads spoiled',
  'zombies',
  'deathsAtCall',
  'alarmsTwice',
  'reportsTwice',
  'reportsLost',
  'resumed',
  'preempted',
  'left',
  'stopped',
  'vanished',
]

let pack: LoadedTinyPack
let statically: StaticRun
const total = new Map<string, number>()
/** The log of the first seed. */
let firstLines: readonly string[] = []

beforeAll(async () => {
  pack = await loadTinyPack()
  statically = await runStatically(pack)
})

async function expectSound(seed: number, blackout: Blackout | null = null): Promise<ChaosRun> {
  const run = await runChaos(pack, statically, seed, blackout)
  for (const [what, times] of run.counts) total.set(what, (total.get(what) ?? 0) + times)
  if (REPLAYED.length > 0) console.log(run.lines.join('\n'), Object.fromEntries(run.counts))
  const told = `seed ${seed}, its last operations:\n${run.lines.slice(-LINES_SHOWN).join('\n')}\n`
  expect(run.wrong, run.wrong.length > 0 ? told : '').toEqual([])
  return run
}

if (REPLAYED.length > 0) it.each(REPLAYED)('[CH1] [CH3] [CH4] seed %i', async (seed) => void (await expectSound(seed)))
else {
  it.each(SEEDS)('[CH1] [CH3] [CH4] a minute of faults, seed %i: the bits of the static run, no request fails, nothing is left', async (seed) => {
    const { counts, lines } = await expectSound(seed)
    if (seed === SEEDS[0]) firstLines = lines
    expect(counts.get('answered')).toBeGreaterThan(50)
  })

  it('[CH2] where no copy of an expert can be had, requests end with an error that may pass; afterwards all is as before', async () => {
    const { counts } = await expectSound(7, BLACKOUT)
    expect(counts.get('failed: storage-unavailable')).toBeGreaterThan(0)
    expect(counts.get('answered')).toBeGreaterThan(20)
  })

  it('[CH1] a seed is a run: the same events at the same times', async () => {
    const again = await runChaos(pack, statically, SEEDS[0]!)
    expect(again.lines).toEqual(firstLines)
  })

  it('[CH1] these seeds had every fault, and scale events of every kind', () => {
    const never = [...Object.keys(FAULTS), ...MUST_HAPPEN].filter((what) => !total.get(what))
    expect(never).toEqual([])
  })
}
