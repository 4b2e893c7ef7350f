import type { ChatMessage, ToolDefinition } from '../../messages.ts'
import { plainParser } from '../../output-parser.ts'
import type { OutputParser, ParsedOutput } from '../../output-parser.ts'
import { answerStructure, tag } from '../../structural-tag.ts'
import type { Structure } from '../../structural-tag.ts'
import { CallLog } from '../call-log.ts'
import { describeTools } from '../describe-tools.ts'
import { JsonScanner } from '../json-scanner.ts'
import { JsonStringDecoder } from '../json-string-decoder.ts'
import { ReadingParser, readJson, readMark, readUntil } from '../reading.ts'
import type { Mark, Reading } from '../reading.ts'
import { argumentsSchema } from '../tool-format.ts'
import type { AnswerRules, OfferedChat, ToolFormat } from '../tool-format.ts'

const RESPONSE = '{"response": '
const HOW =
  'Answer with one JSON object and nothing else. To call a tool: {"tool_call": {"name": the tool, "arguments": {its arguments}}}. To answer: {"response": your answer}.'

/**
 * For templates that know no tools, or write them in a way that we do not: a system message describes the tools, and the answer is one
 * JSON object, `{"tool_call": {"name": …, "arguments": …}}` or `{"response": …}`. The idea is llama.cpp's generic format. One call a turn.
 */
export const generic: ToolFormat = {
  name: 'generic',
  markers: [],
  problem: () => null,
  structure: structureOf,
  parser: (rules) => (rules.tools.length === 0 ? plainParser() : genericParser(rules)),
  offer,
  example: null,
}

function begin(name: string): string {
  return `{"tool_call": {"name": "${name}", "arguments": `
}

function structureOf({ tools, mustCall, format }: AnswerRules): Structure | null {
  const answer = answerStructure(format)
  if (tools.length === 0) return answer
  const calls = tools.map((tool) => tag(begin(tool.name), { type: 'json_schema', json_schema: argumentsSchema(tool) }, '}}'))
  const response = tag(RESPONSE, answer ?? { type: 'json_schema', json_schema: { type: 'string' } }, '}')
  return { type: 'or', elements: mustCall ? calls : [...calls, response] }
}

function genericParser(rules: AnswerRules): OutputParser {
  let log: CallLog
  return new ReadingParser(
    (emit) => {
      log = new CallLog(emit)
      return genericReading(rules, log, emit)
    },
    () => log.whole,
  )
}

function genericReading({ tools, format }: AnswerRules, log: CallLog, emit: (output: ParsedOutput) => void): Reading {
  const readRest = readUntil(
    [],
    (text) => emit({ type: 'text', text }),
    () => readRest,
  )
  const calls = tools.map((tool): Mark => ({ text: begin(tool.name), next: () => readCall(tool.name) }))
  return readMark([...calls, { text: RESPONSE, next: readResponse }], () => readRest)

  function readCall(name: string): Reading {
    log.begin(name)
    return readJson(new JsonScanner(), log.arguments, () => {
      log.end()
      return readMark([{ text: '}}', next: () => readRest }], () => readRest)
    })
  }

  function readResponse(): Reading {
    const decoder = new JsonStringDecoder()
    const sink = (text: string): void => emit({ type: 'text', text: format.kind === 'text' ? decoder.push(text) : text })
    return readJson(new JsonScanner(), sink, () => readMark([{ text: '}', next: () => readRest }], () => readRest))
  }
}

/** The tools in the system message, calls and results as text: what any template can write. */
function offer(messages: readonly ChatMessage[], tools: readonly ToolDefinition[]): OfferedChat {
  return { messages: describeTools(messages.map(asText), tools, HOW), tools: [] }
}

function asText(message: ChatMessage): ChatMessage {
  if (message.role === 'tool') {
    return { role: 'user', content: JSON.stringify({ tool_response: { id: message.toolCallId, content: message.content } }) }
  }
  if (message.role !== 'assistant' || message.toolCalls === undefined || message.toolCalls.length === 0) return message
  const calls = message.toolCalls.map(
    ({ id, name, arguments: args }) => `{"tool_call": {"name": ${JSON.stringify(name)}, "arguments": ${args}, "id": ${JSON.stringify(id)}}}`,
  )
  return { role: 'assistant', content: [...(message.content === null || message.content === '' ? [] : [message.content]), ...calls].join('\n') }
}
