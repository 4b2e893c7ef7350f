import { replay, setTap, takeCalls } from './kernel-tap.ts' // first: before the engine makes its kernels
import type { KernelCall, TapMode } from './kernel-tap.ts'
import { hostBinding } from '../../shared/placement/host-names.ts'
import engine, { Engine as Product } from '../../workers/engine/engine.ts'
import type { EchoCall, FrameNote, Kind } from '../model/profile-api.ts'
import { KINDS } from '../model/profile-api.ts'
import type { Expert } from './profiled-expert.ts'

let calls: KernelCall[] = []

/** The product's engine, with its kernel calls recorded and made again on request. */
export class Engine extends Product {
  async tap(mode: TapMode): Promise<void> {
    if (mode === 'record') takeCalls()
    setTap(mode)
  }

  async tapHosts(mode: TapMode, hosts: readonly string[]): Promise<void> {
    for (const host of hosts) await this.host(host).tap(mode)
  }

  /** Ends a recording: keeps the last `steps` decode steps. Each begins with the one embedding row that it looks up. */
  async keepDecodeSteps(steps: number, callsMin: number): Promise<void> {
    const all = takeCalls()
    const starts = all.flatMap(({ name }, i) => (name.startsWith('row_') ? [i] : []))
    const segments = starts.map((start, i) => all.slice(start, starts[i + 1])).filter((segment) => segment.length >= callsMin)
    if (segments.length < steps) throw new Error(`recorded ${segments.length} decode steps of ${steps}`)
    calls = segments.slice(-steps).flat()
  }

  /** Milliseconds of the recorded kernel calls of a kind, or of all, in the engine and on each host. */
  async replay(kind: Kind | null, repeats: number, hosts: readonly string[]): Promise<{ readonly engineMs: number; readonly hostsMs: number }> {
    const engineMs = replay(calls, (name) => kind === null || KINDS[kind].test(name), repeats)
    let hostsMs = 0
    for (const host of hosts) hostsMs += await this.host(host).replay(kind, repeats)
    return { engineMs, hostsMs }
  }

  async notes(host: string): Promise<readonly FrameNote[]> {
    return this.host(host).notes()
  }

  async hostScript(repeats: number, hosts: readonly string[]): Promise<number> {
    let ms = 0
    for (const host of hosts) ms += await this.host(host).script(repeats)
    return ms
  }

  /** Milliseconds of `groups` of calls that do nothing at the other end: the calls of a group go out together, groups follow each other. */
  async echo(groups: readonly (readonly EchoCall[])[], repeats: number): Promise<number> {
    const names = new Set(groups.flat().map((call) => call.host))
    const sessions = new Map(await Promise.all(Array.from(names, async (name) => [name, await this.host(name).openEcho()] as const)))
    const startMs = performance.now()
    for (let i = 0; i < repeats; i++) {
      for (const group of groups) await Promise.all(group.map((call) => sessions.get(call.host)!.run(new Uint8Array(call.frameBytes), call.replyBytes)))
    }
    return (performance.now() - startMs) / repeats
  }

  private host(name: string) {
    return (this.env[hostBinding(name)] as unknown as DurableObjectNamespace<Expert>).getByName('host')
  }
}

export default engine
