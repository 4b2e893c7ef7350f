import type { Probe } from './probe.ts'

/** Bindings and settings of the probe. Those of other probe scripts are PEER_1, PEER_2, …. */
export interface ProbeEnv {
  readonly BUCKET: R2Bucket
  readonly PROBE: DurableObjectNamespace<Probe>
  /** sha256 of the token that every request must carry, lower-case hex. */
  readonly TOKEN_SHA256: string
  /** Comma-separated names of the bindings to other probe scripts. */
  readonly PEERS: string
  /** Whether colos may be asked for over the network: on, or off. */
  readonly TRACE: string
}
