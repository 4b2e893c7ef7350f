import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Instance } from './instance.ts'

/** What requests take of an instance and must give back. */
export interface HeldState {
  readonly running: number
  readonly waiting: number
  readonly kvPagesUsed: number
  readonly memoryBytes: number
  /** Sockets of its first workerd, as the kernel has them. */
  readonly sockets: number
}

/** What it holds now. */
export async function heldState(instance: Instance): Promise<HeldState> {
  const response = await fetch(`${instance.url}/admin/state`)
  if (response.status !== 200) throw new Error(await response.text())
  const { running, waiting, kvPagesUsed, memoryBytes } = (await response.json()) as HeldState
  return { running, waiting, kvPagesUsed, memoryBytes, sockets: await socketCount(await pidOf(instance)) }
}

/** Asks until it holds no more than at `base`. The test's own time bounds it; then the last state is in the error. */
export async function backToBase(instance: Instance, base: HeldState): Promise<void> {
  for (;;) {
    const held = await heldState(instance)
    if (held.running === 0 && held.waiting === 0 && held.kvPagesUsed === 0 && held.memoryBytes === base.memoryBytes && held.sockets <= base.sockets) return
    await setImmediate()
  }
}

/** Resident bytes of its first workerd. */
export async function residentBytes(instance: Instance): Promise<number> {
  const status = await readFile(`/proc/${await pidOf(instance)}/status`, 'utf8')
  return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024
}

async function pidOf(instance: Instance): Promise<number> {
  return (await instance.processes())[0]!.pid
}

async function socketCount(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`
  const targets = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => ''))) // closed meanwhile
  return targets.filter((target) => target.startsWith('socket:')).length
}
