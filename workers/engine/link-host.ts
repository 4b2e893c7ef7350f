import type { Placement } from '../../shared/placement/placement.ts'
import type { ModelInfo } from '../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Expert } from '../expert/expert.ts'
import type { Within } from './call-deadlines.ts'
import type { EmulatedNetwork } from './emulated-network.ts'
import { helloOf } from './hello.ts'
import { createHostLink } from './host-link.ts'
import type { HostLink, OpenSession } from './host-link.ts'

export interface HostLinkInputs {
  readonly info: ModelInfo
  readonly placement: Placement
  /** The host, as an index of the placement's. */
  readonly index: number
  readonly namespace: DurableObjectNamespace<Expert>
  readonly within: Within
  readonly network: EmulatedNetwork
}

/** The link to a host of the placement, over Durable Object RPC. */
export function linkHost({ info, placement, index, namespace, within, network }: HostLinkInputs): HostLink {
  return createHostLink({
    host: placement.hosts[index]!,
    hello: helloOf(info, placement, index),
    within,
    async connect(asked): Promise<Result<OpenSession, MoeError>> {
      const opened = await namespace.getByName('host').open(asked)
      if (!opened.ok) return { ok: false, error: opened.error as MoeError }
      const { session } = opened.value
      return ok({
        run: network((frame: Uint8Array) => session.run(frame)),
        report: () => session.report(),
        close: () => (opened as unknown as Disposable)[Symbol.dispose](),
      })
    },
  })
}
