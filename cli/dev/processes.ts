/** The wrangler configs of a run, by path. */
export interface RunConfigs {
  readonly gateway: string
  readonly engine: string
  readonly autoscaler: string
  readonly limiter: string
  readonly grammar: string
  /** Hosts, then standbys. */
  readonly hosts: readonly string[]
}

/** Processes that scripts which are not hosts can use, and the most that a run can use: a process without a script is none. */
const CONTROL_PROCESSES_MAX = 2

export function processesMax(hostCount: number): number {
  return CONTROL_PROCESSES_MAX + hostCount
}

/**
 * Which scripts run together. The gateway is in the first process, and autoscaler and limiter with it: their databases then stay where they are,
 * whatever the number of processes; grammars take nothing from the engine's thread there. From three processes on the engine has one of its own, so that either can be lost alone.
 * Hosts are dealt in turn over what is left.
 * @param count 1 to `processesMax`.
 * @returns [count][scripts], none empty, the gateway's first. SPEC CL5.
 */
export function dealProcesses({ gateway, engine, autoscaler, limiter, grammar, hosts }: RunConfigs, count: number): string[][] {
  if (count === 1) return [[gateway, engine, autoscaler, limiter, grammar, ...hosts]]
  const control = count === 2 ? [[gateway, engine, autoscaler, limiter, grammar]] : [[gateway, autoscaler, limiter, grammar], [engine]]
  const hostProcesses = count - control.length
  return [...control, ...Array.from({ length: hostProcesses }, (_, process) => hosts.filter((_host, turn) => turn % hostProcesses === process))]
}
