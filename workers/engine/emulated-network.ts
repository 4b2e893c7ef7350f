/** Delays each call by `rttMs`, as a network would; 0 leaves it as it is. What lanes win is measured with it (`isomoe dev --rtt-ms`). */
export function delayCalls<A, R>(rttMs: number, wait: (ms: number) => Promise<void>, call: (argument: A) => Promise<R>): (argument: A) => Promise<R> {
  if (rttMs === 0) return call
  return async (argument) => {
    await wait(rttMs)
    return call(argument)
  }
}
