import type { Placement } from '../../shared/placement/placement.ts'
import type { SetTimer } from '../../shared/protocol/deadlines.ts'
import type { EngineControl } from '../../shared/protocol/autoscaler-api.ts'
import { recordEpoch, undrained } from './engine-records.ts'
import { withinMs } from './host-calls.ts'
import { Fenced } from './ledger.ts'
import type { Ledger } from './ledger.ts'

/** An engine's control as this object holds it; `close` frees the far end. */
export interface JoinedEngine extends EngineControl {
  close(): void
}

/** Engines that can be called. They live in memory: after a reset each joins again with its next report. */
export interface EngineLinks {
  join(engine: string, isolateId: string, control: JoinedEngine): void
  has(engine: string, isolateId: string): boolean
  /** Gives every engine the table. One that cannot be reached gets it with its next report. SPEC EL3. */
  adopt(placement: Placement): Promise<void>
  /** Waits until no live engine has a step below this epoch, at most until `untilMs`. */
  drained(epoch: number, untilMs: number): Promise<void>
  closeAll(): void
}

const ADOPT_MS = 5000
/** How often engines are looked at that have no control here, only reports. */
const LOOK_MS = 100

export interface EngineLinksDeps {
  readonly ledger: Ledger
  readonly nowMs: () => number
  readonly setTimer: SetTimer
  readonly onFault: (message: string, error: unknown) => void
}

export function createEngineLinks({ ledger, nowMs, setTimer, onFault }: EngineLinksDeps): EngineLinks {
  const links = new Map<string, { readonly isolateId: string; readonly control: JoinedEngine }>()

  function join(engine: string, isolateId: string, control: JoinedEngine): void {
    const before = links.get(engine)
    links.set(engine, { isolateId, control })
    if (before) close(engine, before.control)
  }

  /** One call of one engine. A stub is broken after an exception: its engine has to join again. */
  async function call(engine: string, ms: number, ask: (control: JoinedEngine) => Promise<void>, noted: { epoch?: number; oldestEpoch?: number }) {
    const link = links.get(engine)
    if (!link) return
    try {
      if ((await withinMs(setTimer, ms, () => ask(link.control).then(() => true))) === null) throw new Error(`no answer within ${ms} ms`)
      const { store } = ledger
      ledger.commit(() => store.write('engines', recordEpoch(ledger.engines(), engine, link.isolateId, noted)))
    } catch (error) {
      if (error instanceof Fenced) return // the newer instance asks for itself
      onFault(`engine ${engine} could not be called`, error)
      if (links.get(engine) === link) links.delete(engine)
      close(engine, link.control)
    }
  }

  async function adopt(placement: Placement): Promise<void> {
    await Promise.all(Array.from(links.keys(), (engine) => call(engine, ADOPT_MS, (control) => control.adopt(placement), { epoch: placement.epoch })))
  }

  async function drained(epoch: number, untilMs: number): Promise<void> {
    const asked = new Set<Promise<void>>()
    for (const engine of links.keys()) {
      const answer = call(engine, Math.max(0, untilMs - nowMs()), (control) => control.drained(epoch), { epoch, oldestEpoch: epoch })
      const asking: Promise<void> = answer.finally(() => asked.delete(asking))
      asked.add(asking)
    }
    while (nowMs() < untilMs && undrained(ledger.engines(), epoch, nowMs()).length > 0) {
      await withinMs(setTimer, Math.min(LOOK_MS, untilMs - nowMs()), () => Promise.race([...asked, new Promise<void>(() => undefined)]))
    }
  }

  function close(engine: string, control: JoinedEngine): void {
    try {
      control.close()
    } catch (error) {
      onFault(`the control of engine ${engine} was broken already`, error)
    }
  }

  return {
    join,
    has: (engine, isolateId) => links.get(engine)?.isolateId === isolateId,
    adopt,
    drained,
    closeAll() {
      for (const [engine, { control }] of links) close(engine, control)
      links.clear()
    },
  }
}
