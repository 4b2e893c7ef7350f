import type { Placement } from '../../shared/placement/placement.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { createDispatch } from './dispatch.ts'
import type { HostCall } from './dispatch.ts'
import type { EngineMemory } from './engine-memory.ts'
import type { RunExperts } from './forward.ts'
import type { HostLink } from './host-link.ts'

const DONE = ok(undefined)

/** Fans a layer's pairs out: one frame to each host touched, all in parallel, rows back into the engine's memory. */
export function createExpertRunner(memory: EngineMemory, placement: Placement, links: readonly HostLink[]): RunExperts {
  const dispatch = createDispatch(memory, placement)
  let sequence = 0
  /** 1 and up: 0 says that a frame's number could not be read. */
  const nextSequence = () => (sequence = sequence === 0xffffffff ? 1 : sequence + 1)

  async function call(hostCall: HostCall): Promise<Result<void, MoeError>> {
    const reply = await links[hostCall.host]!.run(hostCall.frame, hostCall.header, memory.stride.normed)
    if (!reply.ok) return reply
    dispatch.store(hostCall, reply.value.rows)
    return DONE
  }

  return async (layer, tokens) => {
    const calls = dispatch.build(layer, tokens, nextSequence)
    if (calls.length === 1) return call(calls[0]!) // a packed layer: nothing to gather
    const replies = await Promise.allSettled(calls.map(call)) // all of them: a reply that came later would be written into the next step
    for (const reply of replies) {
      if (reply.status === 'rejected') throw reply.reason
      if (!reply.value.ok) return reply.value
    }
    return DONE
  }
}
