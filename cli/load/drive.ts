import type { Arrival } from './arrivals.ts'
import type { LoadRequest } from './load-plan.ts'
import type { Answer, RequestRecord } from './request-record.ts'

/** Time of a run. Monotonic, in ms. */
export interface LoadClock {
  nowMs(): number
  /** Resolves at `atMs` or a little later, never before; at once when `signal` aborts. */
  sleepUntil(atMs: number, signal: AbortSignal): Promise<void>
}

/** Sends one request and waits for its end. Never rejects for what a server did: that is an outcome. */
export type SendRequest = (request: LoadRequest, signal: AbortSignal) => Promise<Answer>

export interface Drive {
  readonly clock: LoadClock
  /** When the measured time begins, on the clock. */
  readonly originMs: number
  readonly plan: (index: number, arrival: Arrival) => LoadRequest
  readonly send: SendRequest
  /** Ends the run: nothing more is sent, what is under way is interrupted. */
  readonly signal: AbortSignal
  readonly onRecord: (record: RequestRecord) => void
  readonly onSent: () => void
}

/**
 * Open loop: request i goes out at its time whatever the others do, so a slow server meets the same load as a fast one. SPEC LT1, LT2.
 * Where `connectionsMax` are under way already, it is recorded as not sent: waiting for one of them would close the loop.
 */
export async function driveOpen(drive: Drive, arrivals: readonly Arrival[], connectionsMax: number): Promise<void> {
  const under = new Set<Promise<RequestRecord>>()
  for (const [index, arrival] of arrivals.entries()) {
    await drive.clock.sleepUntil(drive.originMs + arrival.atMs, drive.signal)
    if (drive.signal.aborted) break
    const request = drive.plan(index, arrival)
    if (under.size >= connectionsMax) {
      drive.onRecord(notSent(request))
      continue
    }
    const sent: Promise<RequestRecord> = sendOne(drive, request).finally(() => under.delete(sent))
    under.add(sent)
  }
  await Promise.all(under)
}

/** Closed loop: each worker sends its next request when its last one ended, until `endMs` of the run. A request is due when its worker is free. */
export async function driveClosed(drive: Drive, workers: number, endMs: number): Promise<void> {
  let next = 0
  const work = async () => {
    for (;;) {
      const atMs = drive.clock.nowMs() - drive.originMs
      if (atMs >= endMs || drive.signal.aborted) return
      const sent = await sendOne(drive, drive.plan(next++, { atMs, promptTokens: null, outputTokens: null }))
      // A server that refuses at once would be asked as fast as the machine can: that is no closed loop of users.
      if (sent.outcome.kind === 'error') await drive.clock.sleepUntil(drive.clock.nowMs() + ERROR_PAUSE_MS, drive.signal)
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
}

const ERROR_PAUSE_MS = 100

async function sendOne(drive: Drive, request: LoadRequest): Promise<RequestRecord> {
  drive.onSent()
  const { output, outcome, usage, ...times } = await drive.send(request, drive.signal)
  const record = {
    request: withoutPrompt(request),
    outcome,
    sentMs: times.sentMs - drive.originMs,
    endMs: times.endMs - drive.originMs,
    pieceMs: times.pieceMs.map((ms) => ms - drive.originMs),
    usage,
    output,
  }
  drive.onRecord(record)
  return record
}

function notSent(request: LoadRequest): RequestRecord {
  return { request: withoutPrompt(request), outcome: { kind: 'not-sent' }, sentMs: null, endMs: null, pieceMs: [], usage: null, output: null }
}

/** Prompts can be made again from seed and index; a long run need not keep them. */
function withoutPrompt({ prompt: _prompt, completion: _completion, ...rest }: LoadRequest): RequestRecord['request'] {
  return rest
}
