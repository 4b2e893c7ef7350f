import { chunkFaults } from './chunk-faults.ts'
import { messageFaults } from './message-faults.ts'
import { readEvents } from './read-events.ts'
import { responseFaults } from './response-faults.ts'

/** What is wrong with a whole stream, whichever API it is of; nothing, as a rule. SPEC CF7. */
export function streamFaults(text: string): string[] {
  const stream = readEvents(text)
  const [first] = stream.events
  if (first === undefined) return [...stream.faults, 'no event at all']
  const type = String(first.data['type'] ?? '')
  const rules = type.startsWith('response.') ? responseFaults : type === 'message_start' ? messageFaults : chunkFaults
  return [...stream.faults, ...rules(stream)]
}
