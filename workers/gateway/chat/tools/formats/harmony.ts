import type { ToolDefinition } from '../../messages.ts'
import type { OutputParser, ParsedOutput } from '../../output-parser.ts'
import { ANY_TEXT, answerStructure, optional, tag } from '../../structural-tag.ts'
import type { Structure, TagStructure } from '../../structural-tag.ts'
import { CallLog } from '../call-log.ts'
import { JsonScanner } from '../json-scanner.ts'
import { ReadingParser, readJson, readMark, readUntil } from '../reading.ts'
import type { Reading } from '../reading.ts'
import { argumentsSchema } from '../tool-format.ts'
import type { AnswerRules, ToolFormat } from '../tool-format.ts'

const HEADER_END = '<|message|>'
/** What ends a message's text. A model may also begin the next header without an end. */
const MESSAGE_ENDS = ['<|end|>', '<|call|>', '<|return|>', '<|start|>', '<|channel|>']
/** How a header goes on behind `<|start|>assistant`, which the prompt ends with. */
const HEADER_BEGINS = ['<|channel|>', '<|start|>', '<|message|>', '<|constrain|>', ' to=']

/**
 * gpt-oss: messages with headers that name a channel and a recipient. `analysis` is reasoning, `final` and a `commentary` to nobody are
 * text, and one to `functions.x` is a call, which ends the turn. Source: the harmony format (openai/harmony, docs/format.md).
 */
export const harmony: ToolFormat = {
  name: 'harmony',
  markers: ['<|start|>', '<|end|>', '<|message|>', '<|channel|>', '<|constrain|>', '<|call|>', '<|return|>'],
  problem: () => null,
  structure: structureOf,
  parser: () => harmonyParser(),
  offer: (messages, tools) => ({ messages, tools }),
  example: null,
}

function structureOf({ tools, mustCall, format }: AnswerRules): Structure | null {
  const answer = answerStructure(format)
  const analysis = optional(tag('<|channel|>analysis<|message|>', ANY_TEXT, '<|end|><|start|>assistant'))
  const finals = answer === null ? [] : [tag('<|channel|>final<|message|>', answer, '')]
  if (mustCall) return { type: 'sequence', elements: [analysis, { type: 'or', elements: callTags(tools, '<|channel|>commentary') }] }
  if (finals.length > 0) return { type: 'sequence', elements: [analysis, { type: 'or', elements: [...callTags(tools, '<|channel|>commentary'), ...finals] }] }
  if (tools.length === 0) return null
  const tags = [...callTags(tools, '<|channel|>commentary'), ...callTags(tools, '<|start|>assistant')]
  return { type: 'triggered_tags', triggers: ['<|channel|>commentary to=', '<|start|>assistant to='], tags, stop_after_first: true }
}

/** `<|call|>` is a stop token, so the call ends with its arguments. The recipient stands in the role or in the channel, as the model likes. */
function callTags(tools: readonly ToolDefinition[], place: '<|channel|>commentary' | '<|start|>assistant'): TagStructure[] {
  const rest = place === '<|start|>assistant' ? '<|channel|>commentary json<|message|>' : ' <|constrain|>json<|message|>'
  return tools.map((tool) => tag(`${place} to=functions.${tool.name}${rest}`, { type: 'json_schema', json_schema: argumentsSchema(tool) }, ''))
}

function harmonyParser(): OutputParser {
  let log: CallLog
  return new ReadingParser(
    (emit) => {
      log = new CallLog(emit)
      return harmonyReading(log, emit)
    },
    () => log.whole,
  )
}

function harmonyReading(log: CallLog, emit: (output: ParsedOutput) => void): Reading {
  const begun = { text: false, reasoning: false }
  // A text that does not begin as a header does is no harmony at all.
  const marks = HEADER_BEGINS.map((text) => ({ text, next: () => readHeader(text) }))
  return readMark(marks, () => readBody('text'))

  function readHeader(before: string): Reading {
    let header = before
    if (before === HEADER_END) return bodyOf('')
    return readUntil(
      [HEADER_END],
      (text) => {
        header += text
      },
      () => readMark([{ text: HEADER_END, next: () => bodyOf(header) }], () => readHeader(header)),
    )
  }

  function bodyOf(header: string): Reading {
    const recipient = /to=functions\.([\w-]+)/.exec(header)?.[1]
    if (recipient !== undefined) {
      log.begin(recipient)
      return readJson(new JsonScanner(), log.arguments, () => {
        log.end()
        return readUntil(MESSAGE_ENDS, () => {}, nextMessage)
      })
    }
    return readBody(/<\|channel\|>analysis/.test(header) ? 'reasoning' : 'text')
  }

  /** Messages of one kind are parted by an empty line. */
  function readBody(type: 'text' | 'reasoning'): Reading {
    let before = begun[type] ? '\n\n' : ''
    const sink = (text: string): void => {
      emit({ type, text: before + text })
      before = ''
      begun[type] = true
    }
    return readUntil(MESSAGE_ENDS, sink, nextMessage)
  }

  function nextMessage(): Reading {
    return readMark(
      MESSAGE_ENDS.map((text) => ({ text, next: () => readHeader(text) })),
      () => readHeader(''),
    )
  }
}
