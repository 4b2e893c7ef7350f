import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'

const fromMiniflare = createRequire(createRequire(import.meta.url).resolve('miniflare')) // workerd is its dependency, not ours
const WORKERD = (fromMiniflare('workerd') as { readonly default: string }).default
const UP_TRIES = 60

/** One isolate, and what it holds. */
export interface BareWorker {
  /** Asks the worker; throws where it does not answer with 200. */
  ask(path: string): Promise<void>
  /** Bytes that live after a collection: the heap of JavaScript and, apart, its buffers. */
  liveBytes(): Promise<{ readonly heap: number; readonly buffers: number }>
}

/** Runs main.mjs of `folder` in a workerd of its own, without miniflare's workers beside it: V8 flags are the process's. */
export async function withBareWorker<T>(folder: string, flags: readonly string[], use: (worker: BareWorker) => Promise<T>): Promise<T> {
  const [port, inspectorPort] = [await freePort(), await freePort()]
  await writeFile(join(folder, 'config.capnp'), capnp(folder, port, flags))
  const child = spawn(WORKERD, ['serve', join(folder, 'config.capnp'), `-i127.0.0.1:${inspectorPort}`], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/${path}`, { signal: AbortSignal.timeout(90_000) })
    if (!response.ok) throw new Error(`/${path} gave ${response.status}: ${await response.text()}`)
    await response.arrayBuffer()
  }
  try {
    await untilUp(() => ask('up'))
    return await use({
      ask,
      liveBytes: async () => {
        await ask('gc')
        return heapUsage(inspectorPort)
      },
    })
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

function capnp(folder: string, port: number, flags: readonly string[]): string {
  const v8Flags = ['--expose-gc', ...flags].map((flag) => JSON.stringify(flag)).join(', ')
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = [ ${v8Flags} ],
  services = [ (name = "main", worker = .worker), (name = "files", disk = (path = ${JSON.stringify(folder)})) ],
  sockets = [ (name = "http", address = "127.0.0.1:${port}", http = (), service = "main") ] );
const worker :Workerd.Worker = (
  compatibilityDate = "2026-10-01", bindings = [ (name = "FILES", service = "files") ],
  modules = [ (name = "main.mjs", esModule = embed "main.mjs") ] );
`
}

async function heapUsage(port: number): Promise<{ readonly heap: number; readonly buffers: number }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/main`)
  await once(socket, 'open')
  const answer = once(socket, 'message') as Promise<[MessageEvent<string>]>
  socket.send(JSON.stringify({ id: 1, method: 'Runtime.getHeapUsage' }))
  const { result } = JSON.parse((await answer)[0].data) as { result: { usedSize: number; backingStorageSize: number } }
  socket.close()
  return { heap: result.usedSize, buffers: result.backingStorageSize }
}

async function untilUp(ask: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (attempt === UP_TRIES) throw error
      await new Promise((done) => setTimeout(done, 100))
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
