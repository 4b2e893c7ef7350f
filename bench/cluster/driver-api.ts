/** What the bench asks of driver.ts: greedy continuations of all prompts at once, `maxTokens` each. */
export interface DriverRun {
  readonly prompts: readonly (readonly number[])[]
  readonly maxTokens: number
}

/** When each token reached the driver, from the call of the engine on. */
export interface DriverTimes {
  readonly tokens: { readonly index: number; readonly atMs: number }[]
}

/** A method of the engine's object, for benches whose engine has more of them. */
export interface DriverCall {
  readonly method: string
  readonly args: readonly unknown[]
}
