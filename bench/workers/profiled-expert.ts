import { replay, setTap, takeCalls } from './kernel-tap.ts' // first: before the host makes its kernels
import type { KernelCall, TapMode } from './kernel-tap.ts'
import { RpcTarget } from 'cloudflare:workers'
import { parseRunFrame } from '../../shared/protocol/frame.ts'
import type { HostApi, HostReport, HostSession } from '../../shared/protocol/host-api.ts'
import expert, { Expert as Host } from '../../workers/expert/expert.ts'
import type { FrameNote } from '../model/profile-api.ts'
import { KINDS } from '../model/profile-api.ts'
import type { Kind } from '../model/profile-api.ts'

let mode: TapMode = 'run'
let calls: KernelCall[] = []
/** Decode frames since recording began, with the session that ran them. */
let frames: { readonly frame: Uint8Array; readonly session: HostSession; readonly note: FrameNote }[] = []

/** A host whose decode frames and kernel calls can be recorded and run again. The host itself is the product's. */
export class Expert extends Host {
  override async open(hello: Parameters<HostApi['open']>[0]): ReturnType<HostApi['open']> {
    const opened = await super.open(hello)
    return opened.ok ? { ok: true, value: { ...opened.value, session: new TappedSession(opened.value.session) } } : opened
  }

  async tap(next: TapMode): Promise<void> {
    if (next === 'record') frames = []
    else if (mode === 'record') calls = takeCalls()
    mode = next
    setTap(next === 'record' ? 'run' : next)
  }

  async notes(): Promise<FrameNote[]> {
    return frames.map(({ note }) => note)
  }

  /** Milliseconds of all recorded kernel calls of a kind, or of all kinds. */
  async replay(kind: Kind | null, repeats: number): Promise<number> {
    return replay(calls, (name) => kind === null || KINDS[kind].test(name), repeats)
  }

  /** Milliseconds of all recorded frames with their kernels left out. */
  async script(repeats: number): Promise<number> {
    setTap('skip')
    const startMs = performance.now()
    for (let i = 0; i < repeats; i++) for (const { frame, session } of frames) await session.run(frame)
    setTap(mode === 'record' ? 'run' : mode)
    return (performance.now() - startMs) / repeats
  }

  async openEcho(): Promise<EchoSession> {
    return new EchoSession()
  }
}

/** Answers at once: what a call of these sizes costs by itself. */
class EchoSession extends RpcTarget {
  async run(_frame: Uint8Array, replyBytes: number): Promise<Uint8Array> {
    return new Uint8Array(replyBytes)
  }
}

class TappedSession extends RpcTarget implements HostSession {
  private readonly session: HostSession

  constructor(session: HostSession) {
    super()
    this.session = session
  }

  async run(frame: Uint8Array): Promise<Uint8Array> {
    if (mode !== 'record') return this.session.run(frame)
    const parsed = parseRunFrame(frame)
    if (!parsed.ok || parsed.value.tokens > 1) return this.session.run(frame) // prefill
    setTap('record')
    const reply = await this.session.run(frame)
    setTap('run')
    const { sequence, layer } = parsed.value
    frames.push({ frame: frame.slice(), session: this.session, note: { sequence, layer, frameBytes: frame.byteLength, replyBytes: reply.byteLength } })
    return reply
  }

  report(): Promise<HostReport> {
    return this.session.report()
  }

  [Symbol.dispose](): void {
    ;(this.session as HostSession & Disposable)[Symbol.dispose]()
  }
}

export default expert
