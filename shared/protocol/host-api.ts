import type { MoeError } from './errors.ts'
import type { Result } from './result.ts'
import type { Tier } from './tiers.ts'

/** Raised when frames, the hello or the control calls change. Both ends must say the same (deploys roll out unevenly). */
export const PROTOCOL_VERSION = 2

/** One routed expert. */
export type ExpertRef = readonly [layer: number, expert: number]

/** First message of a session, engine → host. */
export interface Hello {
  readonly protocolVersion: number
  readonly model: string
  readonly digest: string
  readonly tier: Tier
  readonly epoch: number
  /** What the placement gives this host, ascending. It loads each on first use. */
  readonly experts: readonly ExpertRef[]
}

export interface HostReport {
  readonly isolateId: string
  readonly kernels: string
  readonly residentBytes: number
  readonly arenaBytes: number
  readonly residentExperts: number
}

/** What a host tells its autoscaler. */
export interface HostStatusReport extends HostReport {
  /** Most bytes at one time since the isolate began: resident experts, slots that are being filled, and read buffers. */
  readonly peakBytes: number
  /** Frames that came and are not answered. */
  readonly queuedFrames: number
  /** Work since the isolate began, in counters: a host never times itself. */
  readonly work: HostWork
}

export interface HostWork {
  readonly frames: number
  /** (token, expert) pairs computed. */
  readonly pairs: number
  readonly loads: number
  readonly drops: number
  readonly storageBytes: number
  readonly peerBytes: number
}

/** A session: frames in, frames out (frame.ts). */
export interface HostSession {
  run(frame: Uint8Array): Uint8Array | Promise<Uint8Array>
  report(): Promise<HostReport>
}

/** What a control call is about. The pack is named, so that a host of another deployment refuses it (`hello-mismatch`). */
export interface ExpertOrder {
  readonly protocolVersion: number
  readonly digest: string
  readonly tier: Tier
  readonly experts: readonly ExpertRef[]
}

/** A warm host as a source of weights: the bytes of one expert as they lie in storage, planes of the tier back to back. */
export interface PeerSource {
  read(layer: number, expert: number): Promise<Result<ReadableStream<Uint8Array>, MoeError>>
}

/** Expert by expert: what could not be loaded does not take the others with it. */
export interface LoadReport {
  readonly loaded: readonly ExpertRef[]
  readonly failed: readonly { readonly expert: ExpertRef; readonly error: MoeError }[]
  /** Bytes that this call moved; what was resident costs none. */
  readonly bytes: number
  /** Most bytes that the host held at one time while the call was under way: as `peakBytes` of the report, but of this call. */
  readonly peakBytes: number
  readonly report: HostStatusReport
}

/** Experts whose forward on the probe vector did not give the pack's digest were dropped: wrong bytes are never published. SPEC RE9. */
export interface ProbeReport {
  readonly passed: readonly ExpertRef[]
  readonly failed: readonly { readonly expert: ExpertRef; readonly error: MoeError }[]
  readonly report: HostStatusReport
}

/** A host's RPC face: sessions for engines. */
export interface HostApi {
  open(hello: Hello): Promise<Result<{ readonly session: HostSession; readonly report: HostReport }, MoeError>>
}

/** Its face towards the autoscaler. Every call may be repeated: it does what is missing. SPEC RE8 to RE10. */
export interface HostControl {
  /** Brings experts in, from `peer` where given, else (or where the peer fails) from storage. They stay until they are dropped. */
  load(order: ExpertOrder, peer: PeerSource | null): Promise<Result<LoadReport, MoeError>>
  probe(order: ExpertOrder): Promise<Result<ProbeReport, MoeError>>
  /**
   * From here on frames that name these experts are `not-resident`, until a load names them or a session of a later epoch than any so far
   * does; resolves when none that came before is under way.
   */
  drain(order: ExpertOrder): Promise<Result<HostStatusReport, MoeError>>
  /** Frees them. What is not resident is fine. */
  drop(order: ExpertOrder): Promise<Result<HostStatusReport, MoeError>>
  /** This host's resident experts for another host. */
  source(order: ExpertOrder): Promise<Result<PeerSource, MoeError>>
  /** All resident experts, and the counters. */
  inventory(): Promise<Result<{ readonly experts: readonly ExpertRef[]; readonly report: HostStatusReport }, MoeError>>
}
