import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const MAIN = resolve(import.meta.dirname, '../../bench/main.ts')

type Row = { readonly id: string } & ({ readonly missing: string } | { readonly median: number })

/** Rows that a machine may lack, with the reasons that excuse them. */
const EXCUSED: Readonly<Record<string, RegExp>> = {
  model: /^(lanes not built|this system does not say how long a process ran)$/,
  peers: /^(not installed: run without --quick|no Chromium here: set CHROMIUM_PATH|(llamacpp|wllama)-process\.ts ended: .+)$/,
}

it.each([
  ['model', 40, ['model.batch16_over_batch1', 'model.spread_over_packed', 'model.outside_kernels.one_host', 'model.outside_kernels.deployed']],
  ['peers', 13, ['peers.decode1.isomoe_q4', 'peers.decode1.isomoe_q8', 'peers.decode1.isomoe_q4_deployed', 'peers.prefill512.isomoe_q4']],
])('bench %s --quick gives every row, and measures all that is ours', async (name, rows, measured) => {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-bench-'))
  const json = join(folder, 'report.json')
  await promisify(execFile)(process.execPath, [MAIN, name, '--quick', '--json', json])
  const { figures } = JSON.parse(await readFile(json, 'utf8')) as { figures: Row[] }
  await rm(folder, { recursive: true })
  expect(figures.length).toBeGreaterThanOrEqual(rows)
  for (const row of figures) {
    if ('missing' in row) expect(`${row.id}: ${row.missing}`).toMatch(new RegExp(`^${row.id}: ${EXCUSED[name]!.source.slice(1)}`))
    else expect(row.median).toBeGreaterThanOrEqual(0)
  }
  const numbers = figures.flatMap((row) => ('median' in row ? [row.id] : []))
  expect(numbers).toEqual(expect.arrayContaining(measured))
})
