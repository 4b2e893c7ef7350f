import { AsyncLocalStorage } from 'node:async_hooks'
import type { ChildProcess } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import type { WorkerdStructuredLog } from 'miniflare'
import { guardAgainstOrphan } from './orphan-guard.ts'
import { restartDelayMs } from './restart-delay.ts'
import { withoutSignalHandlers } from './stop-signals.ts'
import type { WorkerScript } from './worker-scripts.ts'

export interface WorkerdProcessOptions {
  /** The first gets the port. */
  readonly scripts: readonly WorkerScript[]
  /** Local R2 and SQLite of this process alone. */
  readonly persistPath: string
  /** Folder in which processes find each other's scripts; null: this one has all. */
  readonly registryPath: string | null
  onLog(log: Pick<WorkerdStructuredLog, 'level' | 'message'>): void
  /** It ended by itself: what ran in it is lost. It is started again after `delayMs`. */
  onLost(delayMs: number): void
  /** It runs again, with another pid and port. */
  onRunning(): void
}

/** One workerd. Started again whenever it ends by itself, until it is stopped. SPEC CL6. */
export interface WorkerdProcess {
  /** Of the workerd that runs, or ran last; its pid, and where its first script listens. */
  current(): Running
  stop(): Promise<void>
}

export interface Running {
  readonly miniflare: Miniflare
  readonly pid: number
  readonly port: number
}

/** Rejects where workerd does not start at all; a later failure to start is one more loss. */
export async function startWorkerdProcess(options: WorkerdProcessOptions): Promise<WorkerdProcess> {
  const losses: number[] = []
  const stopping = new AbortController()
  let restarting: Promise<void> = Promise.resolve()
  let current = await launch(options, onEnded)
  return {
    current: () => current,
    async stop() {
      stopping.abort()
      await restarting
      await current.miniflare.dispose()
    },
  }

  function onEnded(disposed: Promise<void>): void {
    if (!stopping.signal.aborted) restarting = restart(disposed)
  }

  async function restart(disposed: Promise<void>): Promise<void> {
    await disposed
    while (!stopping.signal.aborted) {
      losses.push(Date.now())
      const delayMs = restartDelayMs(losses, Date.now())
      options.onLost(delayMs)
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined) // stopped: the loop ends
      if (stopping.signal.aborted) return
      try {
        current = await launch(options, onEnded)
        options.onRunning()
        return
      } catch (error) {
        options.onLog({ level: 'error', message: `workerd does not start: ${String(error)}` })
      }
    }
  }
}

/** Takes the child processes that are made while it is set: Miniflare does not say which workerd is its own. */
const launching = new AsyncLocalStorage<(child: ChildProcess) => void>()
channel('child_process').subscribe((message) => launching.getStore()?.((message as { process: ChildProcess }).process))

/** @param onEnded workerd ended by itself; called with the end of its Miniflare, whose entries in the registry a new one must not meet. */
async function launch(options: WorkerdProcessOptions, onEnded: (disposed: Promise<void>) => void): Promise<Running> {
  const { scripts, persistPath, registryPath, onLog } = options
  const spawned: ChildProcess[] = []
  let running = false
  const miniflare = launching.run(watch, () =>
    withoutSignalHandlers(
      () =>
        new Miniflare(
          convertV4MiniflareOptions({
            host: '127.0.0.1',
            port: 0,
            cf: false,
            log: new Log(LogLevel.ERROR),
            resourcePersistencePath: persistPath,
            handleStructuredLogs: onLog,
            workers: scripts as [WorkerScript, ...WorkerScript[]],
            ...(registryPath === null ? {} : { unsafeDevRegistryPath: registryPath }),
          }),
        ),
    ),
  )
  try {
    const url = await miniflare.ready
    running = true
    return { miniflare, pid: spawned[0]!.pid!, port: Number(url.port) }
  } catch (error) {
    await miniflare.dispose()
    throw error
  }

  /** Disposed before it hears that workerd ended, Miniflare does not start its own again: ours waits between two tries. */
  function watch(child: ChildProcess): void {
    spawned.push(child)
    let unguard = () => Promise.resolve()
    child.once('spawn', () => {
      unguard = launching.exit(() => guardAgainstOrphan(child.pid!, (error) => onLog({ level: 'error', message: `orphan guard: ${String(error)}` })))
    })
    child.once('exit', () => {
      void unguard()
      const disposed = miniflare.dispose().catch((error: unknown) => onLog({ level: 'error', message: `miniflare: ${String(error)}` }))
      if (running) onEnded(disposed)
    })
  }
}
