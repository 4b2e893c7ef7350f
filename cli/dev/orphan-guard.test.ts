import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { guardAgainstOrphan } from './orphan-guard.ts'

const IDLE = 'setInterval(() => undefined, 1000)'
/** Starts a process on its own stdout, guards it, says its pid, and idles. */
const PARENT = `
  import { spawn } from 'node:child_process'
  import { guardAgainstOrphan } from '${import.meta.dirname}/orphan-guard.ts'
  const child = spawn(process.execPath, ['-e', '${IDLE}'], { stdio: ['ignore', 'inherit', 'inherit'] })
  guardAgainstOrphan(child.pid, (error) => { throw error })
  console.log(child.pid)
  ${IDLE}
`

it('[CL3] a guarded process ends with one that is killed before it could end it', async () => {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(parent.stdout, 'close') // when nobody has it any more, the guarded process included
  const [said] = (await once(parent.stdout, 'data')) as [Buffer]
  expect(() => process.kill(Number(said), 0)).not.toThrow()
  parent.kill('SIGKILL')
  await ended
})

it('[CL3] a guard that is taken away ends nothing', async () => {
  const child = spawn(process.execPath, ['-e', IDLE], { stdio: 'ignore' })
  const unguard = guardAgainstOrphan(child.pid!, (error) => expect.unreachable(error.message))
  await unguard()
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM'])
})
