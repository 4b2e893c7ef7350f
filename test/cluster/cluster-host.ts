import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { buildErrorFrame, parseRunFrame } from '../../shared/protocol/frame.ts'
import type { Hello, HostControl } from '../../shared/protocol/host-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import type { HostMemory } from '../../workers/expert/host-memory.ts'
import type { ExpertHost } from '../../workers/expert/host.ts'
import { must } from './must.ts'
import type { TurnClock } from './turn-clock.ts'

/** What is wrong with a host. `slow` answers so much later; `lies` says `not-resident` of some experts that it holds. */
export type HostTrouble =
  | { readonly kind: 'none' }
  | { readonly kind: 'dead' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'lies'; readonly about: (layer: number, expert: number) => boolean }

export interface ClusterHostInputs {
  readonly host: string
  readonly isolateId: string
  readonly memory: HostMemory
  readonly clock: TurnClock
  /** A new host on the same memory, as after a reset of its object. */
  start(): ExpertHost
}

/** An expert host in this process, with the seams through which a test troubles it. */
export function createClusterHost({ host, isolateId, memory, clock, start }: ClusterHostInputs) {
  let trouble: HostTrouble = { kind: 'none' }
  let current = start()
  /** Raised by each reset: sessions of before it are broken. */
  let life = 0
  const seen = { open: 0, frames: 0 }
  let healed = Promise.withResolvers<void>()

  async function connect(hello: Hello): Promise<Result<OpenSession, MoeError>> {
    if (trouble.kind === 'dead') throw new Error(`${host} is dead`)
    const assignment = current.open(hello)
    if (!assignment.ok) return assignment
    const mine = life
    const on = current
    seen.open++
    return ok({
      async run(frame) {
        seen.frames++
        await suffer()
        if (mine !== life) throw new Error(`${host} was reset`)
        const lie = lieAbout(frame)
        if (lie) return lie
        const reply = await on.run(frame, assignment.value)
        if (mine !== life) throw new Error(`${host} was reset`)
        return reply
      },
      report: async () => on.report(),
      close() {
        assignment.value.close()
        seen.open--
      },
    })
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
    return buildErrorFrame(sequence, isolateId, lie.error)
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
    life++
    loseWeights(memory)
    current = start()
  }

  /** What the autoscaler would talk to; of the host as it is now. */
  const control = (): HostControl => current.control

  return { host, memory, connect, control, suffers, reset, seen }
}

export type ClusterHost = ReturnType<typeof createClusterHost>

/** Forgets all weights of a host, as a new isolate would. */
export function loseWeights(memory: HostMemory): void {
  memory.slots.clear()
}
