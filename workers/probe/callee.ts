import { RpcTarget } from 'cloudflare:workers'
import { compute } from './compute.ts'

const MIB = 1024 * 1024
const PAGES_A_MIB = 16

/** Module scope: it must live as long as the isolate, or the engine could take it back. */
let filled: WebAssembly.Memory | null = null

/** A session of a probe object, as an engine has one with a host. */
export class ProbeSession extends RpcTarget {
  echo(bytes: Uint8Array): Uint8Array {
    return bytes
  }

  /** @returns which kernels, and how far this isolate's own clock moved meanwhile. */
  compute(passes: number): { readonly kernels: string; readonly ownMs: number } {
    const begin = Date.now()
    compute().run(passes)
    return { kernels: compute().kernels, ownMs: Date.now() - begin }
  }

  /** Grows WASM memory by a MiB and writes to every page of it. @returns MiB that are filled now. */
  fill(): number {
    filled ??= new WebAssembly.Memory({ initial: 0, maximum: 4096 * PAGES_A_MIB })
    const from = filled.grow(PAGES_A_MIB) * 65_536
    const added = new Uint8Array(filled.buffer, from, MIB) // a bounded view: production refuses long ones
    for (let at = 0; at < MIB; at += 4096) added[at] = 1
    return (from + MIB) / MIB
  }
}
