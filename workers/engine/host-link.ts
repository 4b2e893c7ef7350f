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

/**
 * The engine's end of one host: a session that is opened when needed, kept, and opened again after a fault. SPEC FA1, WI5.
 * One call at a time: a step asks a host once a layer, and waits.
 */
export function createHostLink(deps: HostLinkDeps) {
  let session: OpenSession | null = null
  let calls = 0

  /** One frame to the host and its rows back, all attempts within one deadline. */
  async function run(frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    const call = { givenUp: false }
    const answer = await deps.within(attempt(call, frame, header, rowBytes))
    if (answer.ok) return answer.value
    call.givenUp = true
    drop()
    return unavailable(`did not answer within ${CALL_DEADLINE_MS} ms`)
  }

  /** Tries again what may pass: a lost session, a lost weight, slow storage. */
  async function attempt(call: { readonly givenUp: boolean }, frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    for (let tries = 1; ; tries++) {
      const reply = await runOnce(call, frame, header, rowBytes)
      if (reply.ok || !reply.error.retryable || tries === ATTEMPTS || call.givenUp) return reply
      drop()
      await deps.wait(BACKOFF_MS[tries - 1]!)
      if (call.givenUp) return reply // the link may serve a later call by now
    }
  }

  async function runOnce(call: { readonly givenUp: boolean }, frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    const opened = await reachable(open(call))
    if (!opened.ok) return opened
    if (call.givenUp) return unavailable('was given up')
    const reply = await reachable<Uint8Array>(opened.value.run(frame).then((bytes) => ok(bytes)))
    return reply.ok ? parseReply(reply.value, header, rowBytes) : reply
  }

  async function open(call: { readonly givenUp: boolean }): Promise<Result<OpenSession, MoeError>> {
    if (session && calls++ < CALLS_PER_SESSION) return ok(session)
    drop()
    const opened = await deps.connect(deps.hello)
    if (!opened.ok) return opened
    if (call.givenUp) {
      opened.value.close() // nobody waits for it any more
      return opened
    }
    session = opened.value
    calls = 1
    return opened
  }

  /** A rejection is the host's loss, not ours. */
  async function reachable<T>(call: Promise<Result<T, MoeError>>): Promise<Result<T, MoeError>> {
    try {
      return await call
    } catch (error) {
      return isMoeError(error) ? { ok: false, error } : unavailable(`is lost: ${String(error)}`)
    }
  }

  function drop(): void {
    session?.close()
    session = null
  }

  function unavailable(why: string): { readonly ok: false; readonly error: MoeError } {
    return fail('host-unavailable', `${deps.host} ${why}`, { host: deps.host })
  }

  /** What the host says of itself; null while it has no session or does not answer. */
  async function report(): Promise<HostReport | null> {
    if (!session) return null
    const answer = await deps.within(reachable<HostReport>(session.report().then((said) => ok(said))))
    return answer.ok && answer.value.ok ? answer.value.value : null
  }

  return { host: deps.host, assigned: deps.hello.experts.length, run, report }
}

export type HostLink = ReturnType<typeof createHostLink>
