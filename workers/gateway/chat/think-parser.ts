import type { OutputParser, ParsedOutput } from './output-parser.ts'
import { ANY_TEXT, NOTHING, optional, tag } from './structural-tag.ts'
import type { Structure } from './structural-tag.ts'
import { ReadingParser, readMark, readUntil } from './tools/reading.ts'
import type { Reading } from './tools/reading.ts'

const OPEN = '<think>'
const CLOSE = '</think>'

/** Whether the model thinks aloud before it answers, and whether its prompt has begun the thought already. */
export type Thinking = 'none' | 'optional' | 'begun'

export const THINK_MARKERS: readonly string[] = [OPEN, CLOSE]

/** @param prompt as the template rendered it, with the beginning of the answer. */
export function thinkingOf(template: string, prompt: string): Thinking {
  const open = prompt.lastIndexOf(OPEN)
  if (open !== -1 && prompt.slice(open + OPEN.length).trim() === '') return 'begun'
  return template.includes(OPEN) && template.includes(CLOSE) ? 'optional' : 'none'
}

/** The structure of an answer behind the thought, which is over at the first mark; up to two line breaks may follow. */
export function behindThought(thinking: Exclude<Thinking, 'none'>, answer: Structure): Structure {
  const breaks = ['\n\n', '\n'].map((value): Structure => ({ type: 'const_string', value }))
  const thought: Structure = {
    type: 'sequence',
    elements: [tag(thinking === 'begun' ? '' : OPEN, ANY_TEXT, CLOSE), { type: 'or', elements: [...breaks, NOTHING] }],
  }
  return { type: 'sequence', elements: [thinking === 'begun' ? thought : optional(thought), answer] }
}

/** `<think>…</think>` at the beginning is reasoning; what follows is for `answer`. White space at both ends of the thought is dropped. */
export function thinkParser(thinking: Thinking, answer: OutputParser): OutputParser {
  if (thinking === 'none') return answer
  const outputs: ParsedOutput[] = []
  const reader = new ReadingParser(
    (emit) => (thinking === 'begun' ? readThought(emit, passOn) : readBeginning(emit, passOn)),
    () => answer.wholeCalls,
  )
  function passOn(text: string): void {
    outputs.push(...answer.push(text))
  }
  /** A thought ends before the answer begins, so its outputs come first. */
  const inOrder = (thought: ParsedOutput[]): ParsedOutput[] => [...thought, ...outputs.splice(0)]
  return {
    push: (text) => inOrder(reader.push(text)),
    finish: () => [...inOrder(reader.finish()), ...answer.finish()],
    get wholeCalls() {
      return answer.wholeCalls
    },
  }
}

type Emit = (output: ParsedOutput) => void
type PassOn = (text: string) => void

function readBeginning(emit: Emit, passOn: PassOn): Reading {
  return (held, atEnd) => {
    const space = held.length - held.trimStart().length
    if (space === held.length && !atEnd) return null
    const next = readMark([{ text: OPEN, next: () => readThought(emit, passOn) }], () => readAnswer(passOn))
    const step = next(held.slice(space), atEnd)
    if (step === null) return atEnd ? { taken: 0, next: readAnswer(passOn) } : null
    return { taken: step.taken === 0 ? 0 : space + step.taken, next: step.next } // without a thought the space is the answer's
  }
}

function readThought(emit: Emit, passOn: PassOn): Reading {
  const sink = withoutLeadingSpace((text) => emit({ type: 'reasoning', text }))
  return readUntil([CLOSE], sink, () => readMark([{ text: CLOSE, next: () => readAnswer(withoutLeadingSpace(passOn)) }], () => readAnswer(passOn)), {
    space: true,
  })
}

function readAnswer(passOn: PassOn): Reading {
  const read: Reading = (held) => {
    if (held === '') return null
    passOn(held)
    return { taken: held.length, next: read }
  }
  return read
}

function withoutLeadingSpace(sink: PassOn): PassOn {
  let begun = false
  return (text) => {
    const visible = begun ? text : text.trimStart()
    if (visible === '') return
    begun = true
    sink(visible)
  }
}
