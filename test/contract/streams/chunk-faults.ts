import { isObject, objectsOf } from './read-events.ts'
import type { ReadStream } from './read-events.ts'

const REASONS = ['stop', 'length', 'tool_calls']
/** What each chunk repeats. */
const CONSTANTS = ['id', 'object', 'created', 'model'] as const

interface Choice {
  role: boolean
  finished: boolean
  /** Calls of tools that have begun. */
  calls: number
}

/**
 * What is wrong with a stream of /v1/chat/completions or /v1/completions, as people complain about "compatible" servers: a missing reason,
 * `choices` null or empty, calls without an index, roles that come late, a missing [DONE]. SPEC CF7.
 */
export function chunkFaults({ events, doneCount }: ReadStream): string[] {
  const faults: string[] = []
  const choices = new Map<number, Choice>()
  const failed = isObject(events.at(-1)?.data['error'])
  const chunks = events.slice(0, failed ? -1 : undefined).map(({ data }) => data)
  const [first = {}] = chunks
  const isChat = first['object'] === 'chat.completion.chunk'
  for (const [at, chunk] of chunks.entries()) {
    const fault = (what: string): void => void faults.push(`chunk ${at} ${what}`)
    for (const name of CONSTANTS) if (chunk[name] === undefined || chunk[name] !== first[name]) fault(`has another ${name}`)
    if ('usage' in chunk !== 'usage' in first) fault('is alone with its usage')
    if (!Array.isArray(chunk['choices'])) fault('has no choices')
    else if (chunk['choices'].length === 0) {
      if (!isObject(chunk['usage']) || at !== chunks.length - 1) fault('has no choice and is not the last with usage')
    } else if (isObject(chunk['usage'])) fault('has choices beside usage')
    for (const choice of objectsOf(chunk['choices'])) for (const what of choiceFaults(choice, choices, isChat)) fault(what)
  }
  if (failed) {
    if (doneCount > 0) faults.push('[DONE] behind a failure')
    return [...faults, ...errorFaults(events.at(-1)?.data['error'])]
  }
  if (doneCount !== 1) faults.push(`${doneCount} times [DONE]`)
  for (const [index, { finished }] of choices) if (!finished) faults.push(`choice ${index} has no reason`)
  if (choices.size === 0) faults.push('no choice at all')
  if ('usage' in first && !isObject(chunks.at(-1)?.['usage'])) faults.push('usage is announced and does not come')
  return faults
}

function* choiceFaults(choice: Record<string, unknown>, choices: Map<number, Choice>, isChat: boolean): Generator<string> {
  const { index, delta, text, finish_reason: reason } = choice
  if (typeof index !== 'number') return yield 'has a choice without an index'
  const state = choices.get(index) ?? { role: false, finished: false, calls: 0 }
  choices.set(index, state)
  if (state.finished) yield `goes on with choice ${index} behind its reason`
  if (reason === undefined) yield 'says nothing of finish_reason'
  if (typeof reason === 'string') {
    state.finished = true
    if (!REASONS.includes(reason)) yield `ends with ${reason}`
  }
  if (!isChat) {
    if (typeof text !== 'string') yield 'has no text'
  } else if (isObject(delta)) yield* deltaFaults(delta, state)
  else yield 'has no delta'
}

function* deltaFaults(delta: Record<string, unknown>, state: Choice): Generator<string> {
  if ((delta['role'] === 'assistant') === state.role) yield 'has its role late, or twice'
  state.role = true
  for (const { index, id, type, function: called } of objectsOf(delta['tool_calls'])) {
    if (typeof index !== 'number') return yield 'has a call without an index'
    if (!isObject(called) || typeof called['arguments'] !== 'string') return yield 'has a call without arguments'
    const begins = index === state.calls
    if (begins) state.calls++
    else if (index !== state.calls - 1) yield 'has calls out of their order'
    const named = typeof id === 'string' && type === 'function' && typeof called['name'] === 'string'
    if (named !== begins) yield begins ? 'begins a call without its id, type and name' : 'names a call twice'
  }
}

function errorFaults(error: unknown): string[] {
  if (!isObject(error)) return ['the error is no object']
  return ['message', 'type', 'param', 'code'].filter((name) => !(name in error)).map((name) => `the error has no ${name}`)
}
