import type { EngineGauges, EngineReport } from '../../shared/protocol/autoscaler-api.ts'
import type { Traffic } from './traffic.ts'

/** Two reports are never closer than this, however many calls fail. */
const EARLY_MS = 250

export interface ReporterDeps {
  readonly engine: string
  readonly isolateId: string
  /** From 1 for each isolate id. */
  nextNumber(): number
  readonly traffic: Traffic
  /** What the engine is at now. */
  now(): Pick<EngineReport, 'epoch' | 'oldestEpoch'> & EngineGauges
  /** What became of requests since it was asked last. */
  takeWork(): EngineReport['requests']
  /** Sends a report. @returns the span of the next window, or null where it did not arrive: then the same report is sent again. */
  push(report: EngineReport): Promise<number | null>
  nowMs(): number
  wait(ms: number): Promise<void>
}

/**
 * Reports an engine's work, once a window while it works, and once more when it has none: an idle engine sets no timer, so that it can be evicted.
 * A report that did not arrive is sent again under its number before the next: what came twice counts once. SPEC EL8.
 */
export function createReporter(deps: ReporterDeps, firstWindowMs: number) {
  const { traffic } = deps
  let windowMs = firstWindowMs
  let unsent: EngineReport | null = null
  let running = false
  /** Work has begun, or a host has failed, since the last report began. */
  let awake = false
  let windowStartMs = 0
  let hurry = Promise.withResolvers<void>()

  /** There is work. Cheap when it is known. */
  function wake(): void {
    awake = true
    if (running) return
    running = true
    void loop().finally(() => (running = false))
  }

  /** A host failed: the report does not wait for the end of its window. */
  function early(): void {
    wake()
    hurry.resolve()
  }

  async function loop(): Promise<void> {
    windowStartMs = deps.nowMs()
    for (let worked = true; worked || awake;) {
      await Promise.race([deps.wait(windowMs), hurry.promise])
      const openMs = deps.nowMs() - windowStartMs
      if (openMs < EARLY_MS) await deps.wait(EARLY_MS - openMs)
      hurry = Promise.withResolvers()
      worked = traffic.worked() || deps.now().running > 0 // a step that waits for a lost host counts nothing for a while
      awake = false
      await send()
    }
  }

  async function send(): Promise<void> {
    if (unsent && !(await deliver(unsent))) return // what has been counted since stays in the window
    const nowMs = deps.nowMs()
    const { engine, isolateId } = deps
    const report = {
      engine,
      isolateId,
      number: deps.nextNumber(),
      ...deps.now(),
      windowMs: nowMs - windowStartMs,
      ...traffic.take(),
      requests: deps.takeWork(),
    }
    windowStartMs = nowMs
    await deliver(report)
  }

  async function deliver(report: EngineReport): Promise<boolean> {
    const next = await deps.push(report)
    unsent = next === null ? report : null
    if (next !== null) windowMs = next
    return next !== null
  }

  return { wake, early }
}

export type Reporter = ReturnType<typeof createReporter>
