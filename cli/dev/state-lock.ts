import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from '../errors.ts'

/** Takes a state folder for this process: two runs on one would write the same databases. Gives the function that frees it. */
export async function lockState(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lock')
  await mkdir(folder, { recursive: true })
  const holder = await readHolder(path)
  if (holder !== null && isAlive(holder)) throw new CliError('state-in-use', `${folder} is in use by process ${holder}: choose another with --state`)
  await rm(path, { force: true })
  await writeFile(path, `${process.pid}\n`, { flag: 'wx' })
  return () => rm(path, { force: true })
}

async function readHolder(path: string): Promise<number | null> {
  try {
    return Number(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A process that was killed leaves its lock; one that may not be signalled lives all the same. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
