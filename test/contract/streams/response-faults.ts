import { isObject } from './read-events.ts'
import type { ReadStream } from './read-events.ts'

const LAST = ['response.completed', 'response.incomplete', 'response.failed']

/** What is wrong with a stream of /v1/responses. SPEC AP11, CF7. */
export function responseFaults({ events, doneCount }: ReadStream): string[] {
  const faults: string[] = doneCount > 0 ? ['[DONE] is none of its events'] : []
  const types = events.map(({ data }) => String(data['type']))
  for (const [at, { name, data }] of events.entries()) {
    if (name !== data['type']) faults.push(`event ${at} is named ${name} and says ${String(data['type'])}`)
    if (data['sequence_number'] !== at) faults.push(`event ${at} has the number ${String(data['sequence_number'])}`)
  }
  if (types[0] !== 'response.created' || types[1] !== 'response.in_progress') faults.push('does not begin with created and in_progress')
  const ends = types.filter((type) => LAST.includes(type))
  if (ends.length !== 1 || !LAST.includes(types.at(-1) ?? '')) faults.push('does not end with one of completed, incomplete and failed')
  return types.at(-1) === 'response.failed' ? faults : [...faults, ...itemFaults(events)]
}

/** Each item from added to done, its pieces between; the whole response has what was done. */
function itemFaults(events: ReadStream['events']): string[] {
  const faults: string[] = []
  const done: unknown[] = []
  let open: { index: unknown; pieces: string } | null = null
  for (const [at, { data }] of events.entries()) {
    const fault = (what: string): void => void faults.push(`event ${at} ${what}`)
    const type = String(data['type'])
    if (type === 'response.output_item.added') {
      if (open !== null) fault('adds an item before the last is done')
      open = { index: data['output_index'], pieces: '' }
      if (open.index !== done.length) fault('adds an item out of its order')
    } else if ('output_index' in data && data['output_index'] !== open?.index) fault('is of an item that is not open')
    if (open !== null && type.endsWith('.delta')) open.pieces += String(data['delta'])
    for (const whole of [type === 'response.output_text.done' && data['text'], type === 'response.function_call_arguments.done' && data['arguments']])
      if (whole !== false && whole !== open?.pieces) fault('is not what its pieces are')
    if (type === 'response.output_item.done') {
      done.push(data['item'])
      open = null
    }
  }
  const last = events.at(-1)?.data['response']
  const output = isObject(last) ? last['output'] : null
  if (JSON.stringify(output) !== JSON.stringify(done)) faults.push('the whole response is not what was done')
  return faults
}
