import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { PeerReady, PeerRun, PeerTimes } from './peer-api.ts'

/** A peer with its model loaded, in a process of its own that sleeps while nobody asks. */
export interface Peer {
  readonly version: string
  generate(run: PeerRun): Promise<PeerTimes>
  stop(): Promise<void>
}

/** Starts a peer's script. Rejects with the end of what it printed where it ends before it is ready. */
export async function startPeer(script: string, args: readonly string[]): Promise<Peer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  let printed = ''
  child.stderr.on('data', (data: Buffer) => (printed = (printed + data.toString()).slice(-2000)))
  const exited = new Promise<void>((done) => child.on('exit', () => done()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()

  async function nextLine<T>(): Promise<T> {
    const { value, done } = await lines.next()
    if (done === true) {
      await exited
      throw new Error(`${script} ended: ${lastLine(printed)}`)
    }
    return JSON.parse(value) as T
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
      await exited
    },
  }
}

/** The line that says what happened: an uncaught error prints it before its stack. */
function lastLine(printed: string): string {
  const lines = printed.split('\n').filter((line) => line.trim() !== '')
  return lines.find((line) => /Error\b/.test(line)) ?? lines.at(-1) ?? 'it printed nothing'
}
