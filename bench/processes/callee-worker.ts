import { DurableObject, RpcTarget } from 'cloudflare:workers'

/** What a host is to an engine, and to another host: a session, something that computes, streams and hands stubs on. */
export class Callee extends DurableObject {
  private caller: BenchStub<BenchControl> | null = null

  open(): { readonly session: BenchSession } {
    return { session: new BenchSession() }
  }

  stream(parts: number, partBytes: number): ReadableStream<Uint8Array> {
    let left = parts
    return new ReadableStream({ type: 'bytes', pull: (out) => (left-- > 0 ? out.enqueue(new Uint8Array(partBytes)) : out.close()) })
  }

  /** Keeps a stub that it was given. */
  join(control: BenchStub<BenchControl>): void {
    this.caller?.[Symbol.dispose]()
    this.caller = control.dup()
  }

  /** Calls it back, in another call than the one that brought it. */
  async callBack(times: number): Promise<number> {
    let answer = 0
    for (let i = 0; i < times; i++) answer = await this.caller!.next()
    return answer
  }

  /** Reads from another callee's session, that the caller handed on. */
  async readFrom(peer: BenchStub<BenchSession>, parts: number, partBytes: number): Promise<number> {
    let bytes = 0
    for (let i = 0; i < parts; i++) bytes += (await peer.run(EMPTY, partBytes)).byteLength
    return bytes
  }
}

const EMPTY = new Uint8Array(0)

export class BenchSession extends RpcTarget {
  run(_frame: Uint8Array, replyBytes: number): Uint8Array {
    return new Uint8Array(replyBytes)
  }

  /** Takes the thread for so long. */
  compute(ms: number): void {
    const until = Date.now() + ms
    while (Date.now() < until);
  }
}

/** What a caller hands over. */
export interface BenchControl {
  next(): Promise<number>
}

/** A stub of `T` as RPC gives it. */
export type BenchStub<T> = { readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never } & {
  dup(): BenchStub<T>
  [Symbol.dispose](): void
}

export default { fetch: () => new Response('no HTTP here\n', { status: 404 }) } satisfies ExportedHandler
