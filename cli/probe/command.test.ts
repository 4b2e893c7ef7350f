import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runCommand } from '../testing/run-command.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { probeCommand } from './command.ts'

it('[CO9] a result that could not be written is refused before anything is measured', async () => {
  const out = join(temporaryFolder(), 'none', 'probe.json')
  const { status, lines } = await runCommand(probeCommand, ['--only', 'wasm', '--out', out])
  expect([status, lines]).toEqual([1, [expect.stringMatching(/access .*ENOENT/)]])
})
