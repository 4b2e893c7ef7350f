import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { resolve } from 'node:path'
import type { PeerReady, PeerRun, PeerTimes } from './peer-api.ts'

/** A peer with its model loaded, in a process of its own that sleeps while nobody asks. */
export interface Peer {
  readonly version: string
  /** Rejects where the process ends, says something else than an answer, or nothing in time; it is gone then. */
  generate(run: PeerRun): Promise<PeerTimes>
  stop(): Promise<void>
}

/** After which a peer is killed: without a line that was asked for, or when it was told to stop. */
export interface Deadlines {
  readonly answerMs: number
  readonly stopMs: number
}

const DEADLINES: Deadlines = { answerMs: 120_000, stopMs: 10_000 }

/** Starts a peer's script of this folder. Rejects with the end of what it printed where it ends before it is ready. */
export async function startPeer(script: string, args: readonly string[], { answerMs, stopMs }: Deadlines = DEADLINES): Promise<Peer> {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, script), ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let printed = ''
  child.stderr.on('data', (data: Buffer) => (printed = (printed + data.toString()).slice(-2000)))
  child.stdin.on('error', (error) => (printed += `\n${error.message}`)) // it ended before it read: the next line says so
  const exited = new Promise<void>((done) => child.on('exit', () => done()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()

  async function nextLine<T>(): Promise<T> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, answerMs)
    const { value, done } = await lines.next()
    clearTimeout(timer)
    if (done === true) {
      await exited
      throw new Error(late ? `${script} said nothing for ${answerMs / 1000} s` : `${script} ended: ${lastLine(printed)}`)
    }
    try {
      return JSON.parse(value) as T
    } catch (error) {
      child.kill('SIGKILL')
      await exited
      throw new Error(`${script} said: ${value}`, { cause: error })
    }
  }

  const { version } = await nextLine<PeerReady>()
  return {
    version,
    async generate(run) {
      child.stdin.write(`${JSON.stringify(run)}\n`)
      return nextLine<PeerTimes>()
    },
    async stop() {
      child.stdin.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
      await exited
      clearTimeout(timer)
    },
  }
}

/** The line that says what happened: an uncaught error prints it before its stack. */
function lastLine(printed: string): string {
  const lines = printed.split('\n').filter((line) => line.trim() !== '')
  return lines.find((line) => /Error\b/.test(line)) ?? lines.at(-1) ?? 'it printed nothing'
}
