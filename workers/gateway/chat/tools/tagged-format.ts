import type { ChatMessage, ToolDefinition } from '../messages.ts'
import { answerStructure, tag } from '../structural-tag.ts'
import type { Structure, TagStructure } from '../structural-tag.ts'
import { fieldsProblem, fieldsStructure } from './field-arguments.ts'
import type { FieldStyle } from './field-arguments.ts'
import { taggedParser } from './tagged-parser.ts'
import { argumentsSchema } from './tool-format.ts'
import type { AnswerRules, ToolFormat } from './tool-format.ts'

/**
 * Calls between marks in free text: `open`, then `begin(name)`, arguments, `end` for each call with `separator` between, then `close`.
 * Grammar and parser are made of the same marks, so that what one asks for the other reads.
 */
export interface TaggedMarks {
  readonly name: string
  /** How `open + begin` begins, whatever the name: where free text ends. */
  readonly trigger: string
  /** Around all calls; both '' where each call stands by itself, with free text between. */
  readonly open: string
  readonly close: string
  readonly begin: (name: string) => string
  readonly end: string
  /** May be empty where each call stands by itself. */
  readonly separator: string
  /** A turn has one call, whatever the request allows. */
  readonly oneCall?: true
  /** JSON, or named fields with the strings as they are. */
  readonly arguments: 'json' | FieldStyle
  readonly markers: readonly string[]
  /** The template takes only ids of this form. */
  readonly callIds?: (messages: readonly ChatMessage[]) => readonly ChatMessage[]
}

export function taggedFormat(marks: TaggedMarks): ToolFormat {
  return {
    name: marks.name,
    markers: marks.markers,
    problem: (tool) => (marks.arguments === 'json' ? null : fieldsProblem(marks.arguments, argumentsSchema(tool))),
    structure: (rules) => structureOf(marks, rules),
    parser: ({ tools }) => taggedParser(marks, tools),
    offer: (messages, tools) => ({ messages: marks.callIds?.(messages) ?? messages, tools }),
    example: marks.open + marks.begin('the tool') + exampleArguments(marks) + marks.end + marks.close,
  }
}

function structureOf(marks: TaggedMarks, { tools, mustCall, parallel, format }: AnswerRules): Structure | null {
  const answer = answerStructure(format)
  if (tools.length === 0) return answer
  const calls = tools.map((tool) => callTag(marks, tool))
  const stopsAfterFirst = !parallel || marks.oneCall === true
  if (marks.open === '') return looseCalls(marks, calls, { mustCall, stopsAfterFirst, answer })
  const list = { type: 'tags_with_separator', tags: calls, separator: marks.separator, at_least_one: true, stop_after_first: stopsAfterFirst } as const
  const listed = tag(marks.open, list, marks.close)
  if (mustCall) return listed
  if (answer !== null) return { type: 'or', elements: [listed, answer] }
  return { type: 'triggered_tags', triggers: [marks.trigger], tags: [listed], stop_after_first: true }
}

interface LooseRules {
  readonly mustCall: boolean
  readonly stopsAfterFirst: boolean
  readonly answer: Structure | null
}

/** Calls that stand by themselves. The library has no choice between a list of unknown length and JSON, so beside a format there is one call. */
function looseCalls(marks: TaggedMarks, tags: readonly TagStructure[], { mustCall, stopsAfterFirst, answer }: LooseRules): Structure {
  if (mustCall) return listOf(marks, tags, stopsAfterFirst)
  if (!mustCall && answer !== null) return { type: 'or', elements: [...tags, answer] }
  return { type: 'triggered_tags', triggers: [marks.trigger], tags, stop_after_first: stopsAfterFirst }
}

/**
 * Calls and nothing else. xgrammar has no list without a separator: where nothing stands between two calls, the end of one and the trigger of the next
 * are taken for it.
 */
function listOf({ separator, trigger, end }: TaggedMarks, tags: readonly TagStructure[], stopsAfterFirst: boolean): Structure {
  const list = { type: 'tags_with_separator', at_least_one: true, stop_after_first: stopsAfterFirst } as const
  if (separator !== '') return { ...list, tags, separator }
  const inner = tags.map((call) => tag(call.begin.slice(trigger.length), call.content, ''))
  const calls = { ...list, tags: inner, separator: end + trigger }
  return end === '' ? { type: 'sequence', elements: [{ type: 'const_string', value: trigger }, calls] } : tag(trigger, calls, end)
}

function exampleArguments({ arguments: style }: TaggedMarks): string {
  return style === 'json' ? '{its arguments}' : `${style.open('argument', true)}value${style.close}`
}

function callTag(marks: TaggedMarks, tool: ToolDefinition): TagStructure {
  const schema = argumentsSchema(tool)
  const content: Structure = marks.arguments === 'json' ? { type: 'json_schema', json_schema: schema } : fieldsStructure(marks.arguments, schema)
  return tag(marks.begin(tool.name), content, marks.end)
}
