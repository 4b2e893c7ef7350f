import type { MoeError } from './errors.ts'
import type { Result } from './result.ts'
import type { Tier } from './tiers.ts'

/** Raised when frames or the hello change. Both ends must say the same (deploys roll out unevenly). */
export const PROTOCOL_VERSION = 1

/** First message of a session, engine → host. */
export interface Hello {
  readonly protocolVersion: number
  readonly model: string
  readonly digest: string
  readonly tier: Tier
  readonly epoch: number
  /** What the placement gives this host: [layer, expert] pairs, ascending. It loads each on first use. */
  readonly experts: readonly (readonly [layer: number, expert: number])[]
}

export interface HostReport {
  readonly isolateId: string
  readonly kernels: string
  readonly residentBytes: number
  readonly arenaBytes: number
  readonly residentExperts: number
}

/** A session: frames in, frames out (frame.ts). */
export interface HostSession {
  run(frame: Uint8Array): Uint8Array | Promise<Uint8Array>
  report(): Promise<HostReport>
}

/** A host's RPC face. */
export interface HostApi {
  open(hello: Hello): Promise<Result<{ readonly session: HostSession; readonly report: HostReport }, MoeError>>
}
