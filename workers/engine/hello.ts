import { expertsOfHost } from '../../shared/placement/placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { ModelInfo } from '../../shared/protocol/engine-api.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { Hello } from '../../shared/protocol/host-api.ts'

/** What a session with the host at `index` of a placement begins with. */
export function helloOf({ model, digest, tier }: ModelInfo, placement: Placement, index: number): Hello {
  return { protocolVersion: PROTOCOL_VERSION, model, digest, tier, epoch: placement.epoch, experts: expertsOfHost(placement, index) }
}
