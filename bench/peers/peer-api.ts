/** One line of JSON to a peer's process: continue a prompt greedily. Ids are those of lower-case letters, so that text and ids say the same. */
export interface PeerRun {
  readonly prompt: readonly number[]
  readonly maxTokens: number
}

/** Its answer: when each token came, from the call on. The first is the end of prefill. */
export interface PeerTimes {
  readonly atMs: readonly number[]
}

/** The first line that a peer's process says, once its model is loaded. */
export interface PeerReady {
  /** What the report calls its version: package, backend, threads. */
  readonly version: string
}
