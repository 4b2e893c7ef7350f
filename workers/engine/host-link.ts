import { fail, isMoeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { parseReply } from '../../shared/protocol/frame.ts'
import type { RowsFrame, RunHeader } from '../../shared/protocol/frame.ts'
import type { Hello, HostReport, HostSession } from '../../shared/protocol/host-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { CALLS_PER_SESSION } from '../../shared/protocol/session-calls.ts'
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
}

/** A session and who uses it. A retired one takes no new calls and is closed by the last that ends. */
interface SharedSession {
  readonly session: OpenSession
  /** Calls under way. */
  users: number
  /** Calls in all. */
  calls: number
  retired: boolean
}

interface Call {
  /** The connection that it waits for, by number. */
  awaits: number | null
  /** What it runs on. */
  on: SharedSession | null
}

/**
 * The engine's end of one host in one epoch: a session that is opened when needed, kept, and opened again after a fault. SPEC FA1, WI5.
 * Lanes call at the same time: they share the session, and a fault of one call takes it from nobody whose call is under way.
 */
export function createHostLink(deps: HostLinkDeps) {
  let current: SharedSession | null = null
  let opening: Promise<Result<SharedSession, MoeError>> | null = null
  let connections = 0
  let closed = false

  /** One frame to the host and its rows back: one attempt, within one deadline. What to do about a failure is for the caller (recovery.ts). */
  async function run(frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    const call: Call = { awaits: null, on: null }
    const answer = await deps.within(attempt(call, frame, header, rowBytes))
    if (answer.ok) return answer.value
    if (call.on) retire(call.on)
    else if (call.awaits === connections) abandonOpening() // a later one belongs to others
    leave(call)
    return unavailable(`did not answer within ${CALL_DEADLINE_MS} ms`)
  }

  /** After what may pass (a lost session, a lost weight, slow storage) the next call opens a new session: its hello says again what is assigned. */
  async function attempt(call: Call, frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    const reply = await runOnce(call, frame, header, rowBytes)
    if (!reply.ok && reply.error.retryable && call.on) retire(call.on)
    leave(call)
    return reply
  }

  async function runOnce(call: Call, frame: Uint8Array, header: RunHeader, rowBytes: number): Promise<Result<RowsFrame, MoeError>> {
    if (!current || current.calls >= CALLS_PER_SESSION) {
      const making = open()
      call.awaits = connections
      const opened = await reachable(making)
      call.awaits = null
      if (!opened.ok) return opened
      join(call, opened.value)
    } else {
      join(call, current)
    }
    try {
      return parseReply(await call.on!.session.run(frame), header, rowBytes)
    } catch (error) {
      return lost(error)
    }
  }

  /** One connection for all who ask while it is made. */
  function open(): Promise<Result<SharedSession, MoeError>> {
    if (current) retire(current)
    opening ??= openNew()
    return opening
  }

  async function openNew(): Promise<Result<SharedSession, MoeError>> {
    const mine = ++connections
    try {
      const opened = await deps.connect(deps.hello)
      if (!opened.ok) return opened
      if (mine === connections) return ok(adopt(opened.value))
      closeSession(opened.value) // nobody waits for it any more
      return unavailable('was given up')
    } finally {
      if (mine === connections) opening = null
    }
  }

  /** Of a link that is closed, a session serves only those that wait for it. */
  function adopt(session: OpenSession): SharedSession {
    const shared = { session, users: 0, calls: 0, retired: closed }
    if (!closed) current = shared
    return shared
  }

  /** The connection that is being made hangs: the next call makes its own. */
  function abandonOpening(): void {
    connections++
    opening = null
  }

  /** A rejection is the host's loss, not ours. */
  async function reachable<T>(call: Promise<Result<T, MoeError>>): Promise<Result<T, MoeError>> {
    try {
      return await call
    } catch (error) {
      return lost(error)
    }
  }

  function lost(error: unknown): { readonly ok: false; readonly error: MoeError } {
    return isMoeError(error) ? { ok: false, error } : unavailable(`is lost: ${String(error)}`)
  }

  function join(call: Call, shared: SharedSession): void {
    call.on = shared
    shared.users++
    shared.calls++
  }

  function leave(call: Call): void {
    const shared = call.on
    if (!shared) return
    call.on = null
    shared.users--
    closeUnused(shared)
  }

  /** No further call begins on it. */
  function retire(shared: SharedSession): void {
    if (current === shared) current = null
    shared.retired = true
    closeUnused(shared)
  }

  function closeUnused(shared: SharedSession): void {
    if (shared.retired && shared.users === 0) closeSession(shared.session)
  }

  function closeSession(session: OpenSession): void {
    try {
      session.close()
    } catch {
      // The far end is gone, and what it held with it. The call has an answer or an error of its own.
    }
  }

  function unavailable(why: string): { readonly ok: false; readonly error: MoeError } {
    return fail('host-unavailable', `${deps.host} ${why}`, { host: deps.host })
  }

  /** What the host says of itself; null while it has no session or does not answer. */
  async function report(): Promise<HostReport | null> {
    if (!current) return null
    const answer = await deps.within(reachable<HostReport>(current.session.report().then((said) => ok(said))))
    return answer.ok && answer.value.ok ? answer.value.value : null
  }

  /** Opens the session that the first call would open. */
  async function connect(): Promise<Result<void, MoeError>> {
    const opened = await reachable<SharedSession>(current ? Promise.resolve(ok(current)) : open())
    return opened.ok ? ok(undefined) : opened
  }

  /** The epoch is drained. A call that is still under way ends on its session. */
  function close(): void {
    closed = true
    if (current) retire(current)
  }

  return { host: deps.host, assigned: deps.hello.experts.length, connect, run, report, close }
}

export type HostLink = ReturnType<typeof createHostLink>
