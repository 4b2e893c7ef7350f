import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Takes the guard away, because what it guards has ended. Resolves when the guard is gone. */
export type Unguard = () => Promise<void>

/** A line means that all is well; the end of the pipe without one, that nobody is left to stop the process. */
const SCRIPT = 'read -r line || kill -9 "$1"'

/**
 * Ends process `pid` when this one is gone without having ended it, as after `kill -9` or for want of memory: no handler of ours runs then,
 * and workerd does not notice. A shell waits at a pipe that the kernel closes with this process. It is in a session of its own, so that
 * Ctrl-C, which goes to all processes of a terminal, leaves it in place until the stop is done.
 */
export function guardAgainstOrphan(pid: number, onError: (error: Error) => void): Unguard {
  const guard = spawn('/bin/sh', ['-c', SCRIPT, 'isomoe-orphan-guard', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  guard.on('error', onError)
  guard.stdin.on('error', onError)
  guard.unref()
  return async () => {
    const gone = once(guard, 'exit')
    guard.stdin.end('ended\n')
    await gone
  }
}
