import { DurableObject, RpcTarget } from 'cloudflare:workers'
import type { BenchControl, BenchSession, BenchStub } from './callee-worker.ts'

interface CalleeApi {
  open(): Promise<{ readonly session: BenchStub<BenchSession> } & Disposable>
  stream(parts: number, partBytes: number): Promise<ReadableStream<Uint8Array>>
  join(control: Control): Promise<void>
  callBack(times: number): Promise<number>
  readFrom(peer: unknown, parts: number, partBytes: number): Promise<number>
}

interface Env {
  readonly CALLER: DurableObjectNamespace<Caller>
  readonly CALLEE_0: DurableObjectNamespace
  readonly CALLEE_1: DurableObjectNamespace
}

const RETRY_MS = 10

/** An engine's place: keeps sessions with two callees. Times are taken outside, by what a request takes, except for `outage`. */
export class Caller extends DurableObject<Env> {
  private sessions: BenchStub<BenchSession>[] = []

  async open(): Promise<number> {
    this.sessions = await Promise.all([0, 1].map(async (index) => (await this.callee(index).open()).session))
    return this.sessions.length
  }

  async calls(count: number, frameBytes: number, replyBytes: number): Promise<number> {
    const frame = new Uint8Array(frameBytes)
    let bytes = 0
    for (let i = 0; i < count; i++) bytes += (await this.sessions[0]!.run(frame, replyBytes)).byteLength
    return bytes
  }

  /** Both at the same time. */
  async compute(count: number, ms: number): Promise<number> {
    for (let i = 0; i < count; i++) await Promise.all(this.sessions.map((session) => session.compute(ms)))
    return count
  }

  async stream(parts: number, partBytes: number): Promise<number> {
    let bytes = 0
    for await (const part of await this.callee(0).stream(parts, partBytes)) bytes += part.byteLength
    return bytes
  }

  async callBack(times: number): Promise<number> {
    await this.callee(0).join(new Control())
    return this.callee(0).callBack(times)
  }

  async peer(parts: number, partBytes: number): Promise<number> {
    using opened = await this.callee(0).open()
    return this.callee(1).readFrom(opened.session, parts, partBytes)
  }

  /** Calls until a call fails, then opens again until that works: both times on the machine's clock. */
  async outage(): Promise<{ readonly lostAtMs: number; readonly backAtMs: number }> {
    for (let lostAtMs = 0; ;) {
      try {
        if (lostAtMs === 0) await this.calls(1, 0, 0)
        else {
          this.sessions[0] = (await this.callee(0).open()).session
          return { lostAtMs, backAtMs: Date.now() }
        }
      } catch {
        lostAtMs ||= Date.now() // that it fails is what is waited for
        await scheduler.wait(RETRY_MS)
      }
    }
  }

  /** A new stub for each call: one breaks with its first exception. */
  private callee(index: number): CalleeApi {
    return (index === 0 ? this.env.CALLEE_0 : this.env.CALLEE_1).getByName('callee') as unknown as CalleeApi
  }
}

class Control extends RpcTarget implements BenchControl {
  private count = 0

  async next(): Promise<number> {
    return ++this.count
  }
}

export default {
  /** POST {method, args} → what the method of the caller gives. */
  async fetch(request, env): Promise<Response> {
    const { method, args } = await request.json<{ method: string; args: unknown[] }>()
    const caller = env.CALLER.getByName('caller') as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
    return Response.json(await caller[method]!(...args))
  },
} satisfies ExportedHandler<Env>
