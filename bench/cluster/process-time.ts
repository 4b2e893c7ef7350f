import { readdirSync, readFileSync } from 'node:fs'

/** CPU time that the threads of `pids` have had, in ms; null where the system does not say. */
export function cpuMsOf(pids: readonly number[]): number | null {
  const threads = pids.flatMap((pid) => numbersIn(`/proc/${pid}/task`).map((thread) => read(`/proc/${pid}/task/${thread}/schedstat`)))
  const nanoseconds = threads.filter((stat) => stat !== '').map((stat) => Number(stat.split(' ')[0]))
  return nanoseconds.length === 0 ? null : nanoseconds.reduce((sum, ns) => sum + ns, 0) / 1e6
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger)
  } catch {
    return [] // not this system, or the process has just ended
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // the process or thread has just ended
  }
}
