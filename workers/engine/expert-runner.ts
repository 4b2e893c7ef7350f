import type { MoeError } from '../../shared/protocol/errors.ts'
import type { RowsFrame } from '../../shared/protocol/frame.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { createDispatch } from './dispatch.ts'
import type { HostCall } from './dispatch.ts'
import type { EngineMemory } from './engine-memory.ts'
import type { ExpertHosts, StepEpoch } from './expert-hosts.ts'
import type { RunExperts } from './forward.ts'
import { createRecovery } from './recovery.ts'

const DONE = ok(undefined)

/** The experts of one lane's steps. A step runs on the placement that was the newest when it began. */
export interface StepExperts {
  /** What a step has to wait for before it begins; null, always but in an experiment: nothing. */
  closed(): Promise<void> | null
  /** @param abandoned whether nobody wants the step's result any more: then a wait for a lost host ends. */
  begin(abandoned: () => boolean): void
  end(): void
  readonly run: RunExperts
  /** Adds the hosts that a token of the step was sent to. */
  addHosts(token: number, hosts: Uint32Array): void
}

/** Fans a layer's pairs out: one frame to each host touched, all in parallel, rows back into the engine's memory. */
export function createExpertRunner(memory: EngineMemory, hosts: ExpertHosts): StepExperts {
  const dispatch = createDispatch(memory, hosts.newSplit(), hosts.traffic.load)
  const rowBytes = memory.stride.normed
  let epoch: StepEpoch | null = null
  let startMs = 0
  /** What this step has waited for experts. */
  let expertsMs = 0
  let mark: number | null = null
  let isAbandoned = () => false
  let sequence = 0
  /** 1 and up: 0 says that a frame's number could not be read. */
  const nextSequence = () => (sequence = sequence === 0xffffffff ? 1 : sequence + 1)
  const recovery = createRecovery({ hosts, rowBytes, nextSequence, abandoned: () => isAbandoned() })

  function begin(abandoned: () => boolean): void {
    epoch = hosts.begin()
    dispatch.begin()
    startMs = hosts.nowMs()
    expertsMs = 0
    mark = hosts.firstUses.mark()
    isAbandoned = abandoned
  }

  function end(): void {
    const isSteady = mark !== null && mark === hosts.firstUses.mark()
    hosts.traffic.step(hosts.nowMs() - startMs, isSteady ? expertsMs : null)
    hosts.end(epoch!)
    epoch = null
  }

  async function call(hostCall: HostCall): Promise<Result<void, MoeError>> {
    const first = hosts.ask(epoch!, hostCall.host, hostCall.frame, hostCall.header, rowBytes)
    const reply = hostCall.elsewhere ? await hedge(hostCall, first) : await first
    if (reply === 'overtaken') return DONE
    if (!reply.ok) {
      const store = (row: number, rows: Uint8Array) => dispatch.store(hostCall.firstRow + row, rows)
      return recovery.recover(hostCall.frame, nameOf(hostCall), reply.error, store)
    }
    dispatch.store(hostCall.firstRow, reply.value.rows)
    return DONE
  }

  /**
   * Waits for a call, and asks other replicas when it is late. The first answer wins: both are the same bits. The other one, whenever it comes, is
   * not looked at, so it is never written over what a later layer has put there. SPEC FA8.
   */
  async function hedge(hostCall: HostCall, first: Promise<Result<RowsFrame, MoeError>>): Promise<Result<RowsFrame, MoeError> | 'overtaken'> {
    const host = nameOf(hostCall)
    const watched = hosts.hedges.watch(hosts.pairsAt(host))
    const early = await Promise.race([first, watched.late])
    watched.stop()
    if (early) return early
    hosts.traffic.hedge(host)
    hosts.firstUses.disturbed()
    hosts.forgetBacklog(host)
    const rival = recovery.elsewhere(hostCall.frame, host)
    const winner = await firstOf(
      first.then((reply) => (reply.ok ? reply : null)),
      rival,
    )
    if (!Array.isArray(winner)) return winner ?? first
    hosts.health.avoid(host)
    for (const { segment, rows } of winner) dispatch.store(hostCall.firstRow + segment.first, rows)
    return 'overtaken'
  }

  function nameOf({ host }: HostCall): string {
    return epoch!.placement.hosts[host]!
  }

  const run: RunExperts = async (layer, tokens) => {
    const beganMs = hosts.nowMs()
    const done = await fanOut(layer, tokens)
    expertsMs += hosts.nowMs() - beganMs
    return done
  }

  async function fanOut(layer: number, tokens: number): Promise<Result<void, MoeError>> {
    const table = epoch!.value.table(layer)
    const calls = dispatch.build({ layer, epoch: epoch!.placement.epoch, table, tokens }, nextSequence)
    if (calls.length === 1) return call(calls[0]!) // a packed layer: nothing to gather
    const replies = await Promise.allSettled(calls.map(call)) // all of them: rows that came later would be written into the next step
    for (const reply of replies) {
      if (reply.status === 'rejected') throw reply.reason
      if (!reply.value.ok) return reply.value
    }
    return DONE
  }

  return { closed: hosts.closed, begin, end, run, addHosts: dispatch.addHosts }
}

/** The first that is not null; null where both are. */
function firstOf<A, B>(one: Promise<A | null>, other: Promise<B | null>): Promise<A | B | null> {
  return Promise.race<A | B | null>([one.then<A | B | null>((value) => value ?? other), other.then<A | B | null>((value) => value ?? one)])
}
