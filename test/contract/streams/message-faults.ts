import { isObject } from './read-events.ts'
import type { ReadStream } from './read-events.ts'

/** What is wrong with a stream of /v1/messages. SPEC AP13, AP14, CF7. */
export function messageFaults({ events, doneCount }: ReadStream): string[] {
  const faults: string[] = doneCount > 0 ? ['[DONE] is none of its events'] : []
  const types = events.map(({ data }) => String(data['type']))
  let blocks = 0
  let isOpen = false
  for (const [at, { name, data }] of events.entries()) {
    const fault = (what: string): void => void faults.push(`event ${at} ${what}`)
    const type = String(data['type'])
    if (name !== type) fault(`is named ${name} and says ${type}`)
    if ((type === 'message_start') !== (at === 0)) fault('is not where message_start belongs')
    if (type === 'content_block_start') {
      if (isOpen || data['index'] !== blocks) fault('begins a block out of its order')
      blocks++
      isOpen = true
    } else if (type.startsWith('content_block_') && (!isOpen || data['index'] !== blocks - 1)) fault('is of a block that is not open')
    if (type === 'content_block_stop') isOpen = false
    if (type === 'message_delta' && (isOpen || !hasReason(data))) fault('has no stop_reason, or comes before the end of a block')
    if (type === 'error' && at !== events.length - 1) fault('is a failure, and something follows')
  }
  if (types.at(-1) === 'error') return faults
  if (types.at(-1) !== 'message_stop' || types.at(-2) !== 'message_delta') faults.push('does not end with message_delta and message_stop')
  return faults
}

function hasReason({ delta, usage }: Record<string, unknown>): boolean {
  return isObject(delta) && typeof delta['stop_reason'] === 'string' && isObject(usage)
}
