/** How fast isolates are, for predictions. All but the network was measured on one machine, which is not Cloudflare's: docs/design/cost.md. */
export interface ServingRates {
  /** Bytes of weights, keys and values a second, as one token reads them. */
  readonly readBytesPerS: number
  /** Weights a second for each further token of a matrix that is read already. */
  readonly tokenWeightsPerS: number
  /** A call to a host on the engine's thread, the host's own script included. */
  readonly callMs: number
  /** The engine's script in one layer. */
  readonly layerMs: number
  /** The engine's script for one new token: sampling, events. */
  readonly tokenMs: number
  /** The gateway's work for one new token: text, SSE. Billed as a Worker's CPU time. */
  readonly gatewayTokenMs: number
  /** A round trip between engine and host. */
  readonly rttMs: number
}

/**
 * Measured on an AMD EPYC (Zen 5), one of two shared cores: `npm run bench -- model`, decode step of the synthetic model on one host (docs/design/performance.md).
 * Kernels of the hosts there read 56.6 MB in 3.94 ms, calls and hosts' script take 59 µs a layer, the engine's script 41. Further tokens: GEMM of experts in q4 and q8
 * (docs/design/kernels.md, 8 tokens and more, 45 to 73 GMAC/s). Tokens: CPU time of gateway and
 * engine in processes of their own, 16 streams of the demo model, less what the kernels of the engine take (`npm run bench -- cost`). The round trip is an assumption: `isomoe probe` measures it.
 */
export const RATES_MEASURED: ServingRates = {
  readBytesPerS: 14.4e9,
  tokenWeightsPerS: 60e9,
  callMs: 0.059,
  layerMs: 0.041,
  tokenMs: 0.34,
  gatewayTokenMs: 0.16,
  rttMs: 2,
}
