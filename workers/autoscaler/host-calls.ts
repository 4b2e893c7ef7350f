import { fail, isMoeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { SetTimer } from '../../shared/protocol/deadlines.ts'
import type { HostControl } from '../../shared/protocol/host-api.ts'
import type { Result } from '../../shared/protocol/result.ts'

/** How long a call may take: one that moves weights, and any other. A load of a whole arena at 2 MiB a second fits. */
export const CALL_MS = { copy: 45_000, other: 8000 } as const

export interface HostCallDeps {
  /** A fresh way to the host: a stub is broken after an exception. Throws where there is no such host. */
  readonly control: (host: string) => HostControl
  readonly setTimer: SetTimer
}

/** One control call. What it throws, and what takes too long, is `host-unavailable`. */
export async function callHost<T>(
  deps: HostCallDeps,
  host: string,
  call: (control: HostControl) => Promise<Result<T, MoeError>>,
  ms: number = CALL_MS.other,
): Promise<Result<T, MoeError>> {
  try {
    const asked = Promise.resolve().then(() => call(deps.control(host))) // what it throws at once is a rejection too
    const answer = await withinMs(deps.setTimer, ms, () => asked)
    if (answer) return answer
    void asked.then(release, () => undefined) // whatever comes so late, its error included, nobody waits for
    return fail('host-unavailable', `${host} did not answer within ${ms} ms`, { host })
  } catch (error) {
    if (isMoeError(error)) return { ok: false, error }
    return fail('host-unavailable', `${host} cannot be reached: ${String(error)}`, { host })
  }
}

/** The answer, or null when it is late. The timer goes with the answer: one that stays would keep the object awake. */
export function withinMs<T>(setTimer: SetTimer, ms: number, call: () => Promise<T>): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const clear = setTimer(ms, () => resolve(null))
    // The call begins inside a promise, so that what it throws at once is a rejection too.
    Promise.resolve().then(call).then(resolve, reject).finally(clear)
  })
}

export function pause(setTimer: SetTimer, ms: number): Promise<void> {
  return new Promise((resolve) => void setTimer(ms, resolve))
}

/** Runs the tasks, at most `inFlight` at a time, in order. */
export async function inParallel<T>(items: readonly T[], inFlight: number, task: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  async function work(): Promise<void> {
    for (const item of rest) await task(item)
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, items.length) }, work))
}

/** Frees what an RPC answer holds at the far end, where it holds something. */
export function release(answer: unknown): void {
  ;(answer as Partial<Disposable> | null)?.[Symbol.dispose]?.()
}
