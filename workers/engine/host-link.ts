import { fail, isMoeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { parseReply } from '../../shared/protocol/frame.ts'
import type { RowsFrame, RunHeader } from '../../shared/protocol/frame.ts'
import type { Hello, HostReport, HostSession } from '../../shared/protocol/host-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { CALL_DEADLINE_MS } from './call-deadlines.ts'
import type { Within } from './call-deadlines.ts'

/** A session as the engine holds it; `close` frees the far end. */
export interface OpenSession extends HostSession {
  close(): void
}

export interface HostLinkDeps {
  readonly host: string
  readonly hello: Hello
  /** Opens a session. Rejects where the host cannot be reached. */
  connect(hello: Hello): Promise<Result<OpenSession, MoeError>>
  readonly within: Within
  wait(ms: number): Promise<void>
}

const ATTEMPTS = 3
/** Before attempt 2 and 3: a reset host is back at once, slow storage is not. */
const BACKOFF_MS = [20, 200] as const
/** Sessions are opened anew after so many calls: the CPU budget of one session is not documented (docs/design/wire.md). */
export const CALLS_PER_SESSION = 2000

/** A session in use. Retired: no new call takes it, and it closes with its last one. */
interface Live {
  readonly session: OpenSession
  calls: number
  underWay: number
  retired: boolean
}

/** One request to a host, with all its attempts. */
interface Call {
  /** The session of the attempt under way. */
  live: Live | null
  givenUp: boolean
}

/**
 * The engine's end of one host: a session that is opened when needed, kept, and opened again after a fault. SPEC FA1, WI5.
 * Lanes call it at the same time: a session that fails one call is taken by no other, but those it carries end as they end.
 */
export function createHostLink(deps: HostLinkDeps) {
  let current: Live | null = null
  let opening: Promise<Result<Live, MoeError>> | null = null

  /** One frame to the host and its rows back, all attempts within one deadline. */
  async function run(frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    const call: Call = { live: null, givenUp: false }
    const answer = await deps.within(attempt(call, frame, header, rowBytes))
    if (answer.ok) return answer.value
    call.givenUp = true
    if (call.live) abandon(call.live)
    return unavailable(`did not answer within ${CALL_DEADLINE_MS} ms`)
  }

  /** Tries again what may pass: a lost session, a lost weight, slow storage. */
  async function attempt(call: Call, frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    for (let tries = 1; ; tries++) {
      const reply = await runOnce(call, frame, header, rowBytes)
      if (reply.ok || !reply.error.retryable || tries === ATTEMPTS || call.givenUp) return reply
      await deps.wait(BACKOFF_MS[tries - 1]!)
      if (call.givenUp) return reply
    }
  }

  /** One attempt. Few awaits: a layer waits for each of them. */
  async function runOnce(call: Call, frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    let live: Live | null = null
    try {
      live = usable()
      if (!live) {
        const opened = await open()
        if (!opened.ok) return opened
        if (call.givenUp) return unavailable('was given up')
        live = opened.value
      }
      call.live = live
      live.calls++
      live.underWay++
      const reply = parseReply(await live.session.run(frame), header, rowBytes)
      if (!reply.ok && reply.error.retryable) retire(live)
      return reply
    } catch (error) {
      if (live) retire(live)
      return lost(error)
    } finally {
      if (live && --live.underWay === 0 && live.retired) live.session.close()
    }
  }

  /** The session at hand, unless its budget of calls is spent. */
  function usable(): Live | null {
    if (current && current.calls >= CALLS_PER_SESSION) retire(current)
    return current
  }

  /** Whoever comes while one opens waits for that one. */
  function open(): Promise<Result<Live, MoeError>> {
    opening ??= connect().finally(() => (opening = null))
    return opening
  }

  async function connect(): Promise<Result<Live, MoeError>> {
    const opened = await deps.connect(deps.hello)
    if (!opened.ok) return opened
    current = { session: opened.value, calls: 0, underWay: 0, retired: false }
    return ok(current)
  }

  function retire(live: Live): void {
    if (current === live) current = null
    if (live.retired) return
    live.retired = true
    if (live.underWay === 0) live.session.close()
  }

  /** Of a host that hangs: nothing it still carries will end, so it closes now. */
  function abandon(live: Live): void {
    if (current === live) current = null
    if (live.underWay !== Infinity) live.session.close()
    live.retired = true
    live.underWay = Infinity // no call of it is the last one: it is closed already
  }

  /** A rejection is the host's loss, not ours. */
  function lost(error: unknown): { readonly ok: false; readonly error: MoeError } {
    return isMoeError(error) ? { ok: false, error } : unavailable(`is lost: ${String(error)}`)
  }

  function unavailable(why: string): { readonly ok: false; readonly error: MoeError } {
    return fail('host-unavailable', `${deps.host} ${why}`, { host: deps.host })
  }

  /** What the host says of itself; null while it has no session or does not answer. */
  async function report(): Promise<HostReport | null> {
    if (!current) return null
    const asked = current.session.report().catch(() => null) // a lost host says nothing of itself; the next frame finds out why
    const answer = await deps.within(asked)
    return answer.ok ? answer.value : null
  }

  return { host: deps.host, assigned: deps.hello.experts.length, run, report }
}

export type HostLink = ReturnType<typeof createHostLink>
