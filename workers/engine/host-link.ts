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
  readonly isolateId: string
  close(): void
}

export interface HostLinkDeps {
  readonly host: string
  readonly hello: Hello
  /** Opens a session. Rejects where the host cannot be reached. */
  connect(hello: Hello): Promise<Result<OpenSession, MoeError>>
  readonly within: Within
}

const ATTEMPTS = 3
/** Sessions are opened anew after so many calls: the CPU budget of one session is not documented (docs/design/wire.md). */
const CALLS_PER_SESSION = 2000

/** The engine's end of one host: a session that is opened when needed, kept, and opened again after a fault. SPEC FA1, WI5. */
export function createHostLink(deps: HostLinkDeps) {
  let session: OpenSession | null = null
  let opening: Promise<Result<OpenSession, MoeError>> | null = null
  let calls = 0

  /** One frame to the host and its rows back. Retries what may pass: a lost session, a lost weight, slow storage. */
  async function run(frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    let last: Result<RowsFrame, MoeError> = unavailable('was not asked')
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      last = await runOnce(frame, header, rowBytes)
      if (last.ok || !last.error.retryable) return last
      drop()
    }
    return last
  }

  async function runOnce(frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    const opened = await open()
    if (!opened.ok) return opened
    const reply = await within(opened.value.run(frame))
    return reply.ok ? parseReply(reply.value, header, rowBytes) : reply
  }

  /** The session in use. Concurrent callers share one opening. */
  function open(): Promise<Result<OpenSession, MoeError>> {
    if (session && calls++ < CALLS_PER_SESSION) return Promise.resolve(ok(session))
    drop()
    opening ??= connect().finally(() => (opening = null))
    return opening
  }

  async function connect(): Promise<Result<OpenSession, MoeError>> {
    const opened = await within(deps.connect(deps.hello))
    if (!opened.ok) return opened
    if (opened.value.ok) {
      session = opened.value.value
      calls = 1
    }
    return opened.value
  }

  /** Waits for a call, but not past the deadline: the host may be reset at any await. A rejection is the host's loss, not ours. */
  async function within<T>(call: Promise<T>): Promise<Result<T, MoeError>> {
    try {
      const answer = await deps.within(call)
      return answer.ok ? answer : unavailable(`did not answer within ${CALL_DEADLINE_MS} ms`)
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
    const answer = await within(session.report())
    return answer.ok ? answer.value : null
  }

  return { host: deps.host, assigned: deps.hello.experts.length, run, report, close: drop }
}

export type HostLink = ReturnType<typeof createHostLink>
