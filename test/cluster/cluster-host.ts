import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { buildErrorFrame, parseRunFrame } from '../../shared/protocol/frame.ts'
import type { ExpertRef, Hello, HostControl } from '../../shared/protocol/host-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import type { HostMemory } from '../../workers/expert/host-memory.ts'
import type { ExpertHost } from '../../workers/expert/host.ts'
import { Life } from './life.ts'
import { must } from './must.ts'

/**
 * What is wrong with a host. `slow` answers so much later; `lies` says `not-resident` of some experts that it holds; `boasts` says of what it is told to load,
 * and of some experts more, that it holds them, and loads nothing.
 */
export type HostTrouble =
  | { readonly kind: 'none' }
  | { readonly kind: 'dead' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'lies'; readonly about: (layer: number, expert: number) => boolean }
  | { readonly kind: 'boasts'; readonly of: readonly ExpertRef[] }

/** What keeps weights, and what loses them. */
export interface Isolate {
  readonly isolateId: string
  readonly memory: HostMemory
}

export interface ClusterHostInputs {
  readonly host: string
  readonly clock: { wait(ms: number): Promise<void> }
  /** A new isolate, which holds nothing. */
  boot(): Isolate
  /** A new object in an isolate: a host that lives so long. */
  start(isolate: Isolate, life: Life): ExpertHost
}

/** An expert host in this process, with the seams through which a test troubles it. */
export function createClusterHost({ host, clock, boot, start }: ClusterHostInputs) {
  let trouble: HostTrouble = { kind: 'none' }
  let isolate = boot()
  let life = new Life(host)
  let current = start(isolate, life)
  /** Those that were opened in this life, by epoch. */
  const sessions = new Set<{ readonly epoch: number }>()
  const seen = {
    frames: 0,
    get open() {
      return sessions.size
    },
  }
  let healed = Promise.withResolvers<void>()

  async function connect(hello: Hello): Promise<Result<OpenSession, MoeError>> {
    if (trouble.kind === 'dead') throw new Error(`${host} is dead`)
    const assignment = current.open(hello)
    if (!assignment.ok) return assignment
    const [mine, on] = [life, current]
    const session = { epoch: hello.epoch }
    sessions.add(session)
    return ok({
      run: (frame) =>
        mine.serve(async () => {
          seen.frames++
          await mine.own(suffer()) // an object that is gone begins nothing
          return lieAbout(frame) ?? on.run(frame, assignment.value)
        }),
      report: () => mine.serve(() => on.report()),
      close() {
        assignment.value.close()
        sessions.delete(session)
      },
    })
  }

  /** The face towards the autoscaler. */
  function control(): HostControl {
    const [mine, on] = [life, current]
    const call = <T>(ask: (to: HostControl) => Promise<T>): Promise<T> =>
      mine.serve(async () => {
        await mine.own(suffer())
        return ask(on.control)
      })
    return {
      load: (order, peer) => call(async (to) => boastOfLoad(await to.load(trouble.kind === 'boasts' ? { ...order, experts: [] } : order, peer), order.experts)),
      probe: (order) => call((to) => to.probe(order)),
      drain: (order) => call((to) => to.drain(order)),
      drop: (order) => call((to) => to.drop(order)),
      source: (order) => call((to) => to.source(order)),
      inventory: () => call(async (to) => boastOfHolding(await to.inventory())),
    }
  }

  function boastOfLoad(answer: Awaited<ReturnType<HostControl['load']>>, asked: readonly ExpertRef[]): typeof answer {
    return trouble.kind === 'boasts' && answer.ok ? ok({ ...answer.value, loaded: asked }) : answer
  }

  function boastOfHolding(answer: Awaited<ReturnType<HostControl['inventory']>>): typeof answer {
    if (trouble.kind !== 'boasts' || !answer.ok) return answer
    const named = new Map([...answer.value.experts, ...trouble.of].map((ref) => [ref.join('/'), ref]))
    return ok({ ...answer.value, experts: Array.from(named.values()) })
  }

  /** Whatever time the host's trouble takes. A dead or silent host answers nothing until it is well; then its old sessions are broken. */
  async function suffer(): Promise<void> {
    if (trouble.kind === 'slow') await clock.wait(trouble.ms)
    if (trouble.kind === 'silent') await healed.promise
    if (trouble.kind === 'dead') throw new Error(`${host} is dead`)
  }

  function lieAbout(bytes: Uint8Array): Uint8Array | null {
    if (trouble.kind !== 'lies') return null
    const { about } = trouble
    const { layer, expertIds, sequence, epoch } = must(parseRunFrame(bytes))
    const expert = expertIds.find((id) => about(layer, id))
    if (expert === undefined) return null
    const lie = fail('not-resident', `expert ${expert} of layer ${layer} is not on this host`, { layer, expert, epoch })
    return buildErrorFrame(sequence, isolate.isolateId, lie.error)
  }

  /** From here on. What was silent answers after all. */
  function suffers(next: HostTrouble): void {
    if (next.kind === 'dead') reset()
    trouble = next
    healed.resolve()
    healed = Promise.withResolvers()
  }

  /** A new isolate: sessions break, weights are gone. */
  function reset(): void {
    isolate = boot()
    evict()
  }

  /** A new object in the same isolate: sessions break, weights stay. */
  function evict(): void {
    const before = life
    life = new Life(host)
    before.end()
    sessions.clear()
    current = start(isolate, life)
  }

  return {
    host,
    get memory() {
      return isolate.memory
    },
    get life() {
      return life
    },
    get trouble() {
      return trouble.kind
    },
    connect,
    control,
    suffers,
    reset,
    evict,
    seen,
    /** Epochs of the open sessions. */
    epochs: () => Array.from(sessions, ({ epoch }) => epoch),
  }
}

export type ClusterHost = ReturnType<typeof createClusterHost>

/** Forgets all weights of a host, as a new isolate would. */
export function loseWeights(memory: HostMemory): void {
  memory.slots.clear()
}
