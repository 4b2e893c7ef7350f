import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ProcessStatus } from '../../cli/dev/local-cluster.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/isomoe.mjs')

/** A running `isomoe dev`, in a state folder of its own. */
export interface Instance {
  readonly url: string
  /** What it printed on stdout until it was ready. */
  readonly printed: string
  /** What its workers logged until now. */
  log(): Promise<string>
  /** Its workerd processes as they run now. */
  processes(): Promise<readonly ProcessStatus[]>
  /** Ctrl-C, then waits until the process is gone. Gives its exit code. */
  stop(): Promise<number | null>
  /** `kill -9`: it cannot end anything in order. */
  kill(): Promise<void>
}

/**
 * Starts `isomoe dev` with `args` on a free port and waits for its ready line. Fails with what it printed where it ends before.
 * @param kept a state folder that outlives the instance; without it the instance has one of its own.
 */
export async function startInstance(args: readonly string[], kept?: string): Promise<Instance> {
  const state = kept ?? (await mkdtemp(join(tmpdir(), 'isomoe-e2e-')))
  const port = await freePort()
  const child = spawn(process.execPath, [LAUNCHER, 'dev', '--port', String(port), '--state', state, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  const exited = new Promise<number | null>((done) => child.on('exit', done))
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
  const ready = new Promise<'ready'>((done) => {
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString()
      if (/^ready /m.test(stdout)) done('ready')
    })
  })
  const removeState = () => (kept === undefined ? rm(state, { recursive: true, force: true }) : undefined)
  if ((await Promise.race([ready, exited])) !== 'ready') {
    await removeState()
    throw new Error(`isomoe dev ${args.join(' ')} ended:\n${stdout}${stderr}`)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    printed: stdout,
    log: () => readFile(join(state, 'workers.log'), 'utf8'),
    processes: async () => (JSON.parse(await readFile(join(state, 'processes.json'), 'utf8')) as { processes: ProcessStatus[] }).processes,
    async stop() {
      child.kill('SIGINT')
      const code = await exited
      await removeState()
      return code
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
