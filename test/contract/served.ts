/** A running server that has keys, seen from outside. */
export interface Served {
  /** Without `/v1`. */
  readonly url: string
  readonly apiKey: string
  readonly model: string
}

export interface RunState {
  readonly running: number
  readonly waiting: number
  readonly steps: number
}

const POLLS_MAX = 400

/** Asks until the state is as wanted, a bounded number of times; the last answer. */
export async function pollState(served: Served, isWanted: (state: RunState) => boolean): Promise<RunState> {
  let state = await engineState(served)
  for (let poll = 0; poll < POLLS_MAX && !isWanted(state); poll++) state = await engineState(served)
  return state
}

export async function engineState({ url }: Pick<Served, 'url'>): Promise<RunState> {
  const state: unknown = await (await fetch(`${url}/admin/state`)).json()
  if (typeof state !== 'object' || state === null || !('running' in state) || !('waiting' in state) || !('steps' in state)) {
    throw new Error('/admin/state says nothing of running')
  }
  return { running: Number(state.running), waiting: Number(state.waiting), steps: Number(state.steps) }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
