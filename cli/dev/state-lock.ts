import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from '../errors.ts'

/** Takes a state folder for this process: two runs on one would write the same databases. Gives the function that frees it. */
export async function lockState(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock')
  await mkdir(folder, { recursive: true })
  if (!(await tryTake(path))) {
    const holder = Number(await readFile(path, 'utf8'))
    if (isOtherAlive(holder)) throw inUse(folder, holder)
    await rm(path, { force: true })
    if (!(await tryTake(path))) throw inUse(folder, holder) // another start was quicker
  }
  return () => rm(path, { force: true })
}

async function tryTake(path: string): Promise<boolean> {
  try {
    await writeFile(path, `${process.pid}\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** A process that was killed leaves its lock, perhaps half written, perhaps with a number that is ours now. One that may not be signalled lives. */
function isOtherAlive(pid: number): boolean {
  if (!(pid > 0) || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function inUse(folder: string, holder: number): CliError {
  return new CliError(
    'state-in-use',
    `${folder} is in use by process ${holder}: choose another with --state, or remove its lock if that process is no isomoe dev`,
  )
}
