import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import type { GrammarSpec } from '../../../shared/protocol/grammar-api.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { ChatCall } from './chat-call.ts'
import { plainParser } from './output-parser.ts'
import type { OutputParser } from './output-parser.ts'
import type { Structure } from './structural-tag.ts'
import { behindThought, THINK_MARKERS, thinkingOf, thinkParser } from './think-parser.ts'
import type { Thinking } from './think-parser.ts'
import { detectFormat } from './tools/detect-format.ts'
import { harmony } from './tools/formats/harmony.ts'
import type { AnswerRules, OfferedChat, ToolFormat } from './tools/tool-format.ts'

/** What of a chat its prompt and the form of its answer follow from. */
export type PromptParts = Pick<ChatCall, 'messages' | 'tools' | 'toolChoice' | 'parallelToolCalls' | 'format'>

/** What the template is asked to write. */
export interface ChatPlan {
  readonly offered: OfferedChat
  /** How the answer to the rendered prompt is constrained and read. @param idsOf ids of those texts that are special tokens. */
  readonly answer: (prompt: string, idsOf: IdsOf) => AnswerPlan
}

type IdsOf = (texts: readonly string[]) => readonly number[]

export interface AnswerPlan {
  readonly grammar: GrammarSpec | null
  /** Special tokens that are text here, because the parser reads them. */
  readonly special: readonly number[]
  /** A parser for one choice. */
  readonly parser: () => OutputParser
}

/**
 * What a chat's tools and format mean for this model: what the template is offered, what the answer must match, how it is read. Pure. SPEC TC1, TC2.
 * With `none` the tools are not offered at all; a named tool and `required` are offered as the others, and must be called.
 * @param template the source of the model's chat template.
 */
export function planChat(template: string, call: PromptParts): Result<ChatPlan, MoeError> {
  const toolFormat = detectFormat(template)
  const rules = answerRules(call)
  const offeredTools = call.toolChoice.kind === 'none' ? [] : call.tools
  for (const [index, tool] of call.tools.entries()) {
    const problem = toolFormat.problem(tool)
    if (problem !== null)
      return fail('invalid-request', `The tool ${tool.name} cannot be offered: ${problem}.`, {
        param: `tools[${index}].function.parameters`,
        reason: 'invalid_value',
      })
  }
  return ok({
    offered: toolFormat.offer(call.messages, offeredTools),
    answer: (prompt, idsOf) => planAnswer(toolFormat, rules, toolFormat === harmony ? 'none' : thinkingOf(template, prompt), idsOf),
  })
}

function answerRules({ tools, toolChoice, parallelToolCalls, format }: Pick<ChatCall, 'tools' | 'toolChoice' | 'parallelToolCalls' | 'format'>): AnswerRules {
  switch (toolChoice.kind) {
    case 'none':
      return { tools: [], mustCall: false, parallel: false, format }
    case 'auto':
    case 'required':
      return { tools, mustCall: toolChoice.kind === 'required', parallel: parallelToolCalls, format }
    case 'named':
      return { tools: tools.filter(({ name }) => name === toolChoice.name), mustCall: true, parallel: false, format }
  }
}

/** @param thinking none for harmony: its channels tell reasoning from text. */
function planAnswer(toolFormat: ToolFormat, rules: AnswerRules, thinking: Thinking, idsOf: IdsOf): AnswerPlan {
  const readsCalls = rules.tools.length > 0 || toolFormat === harmony
  const special = idsOf([...(readsCalls ? toolFormat.markers : []), ...(thinking === 'none' ? [] : THINK_MARKERS)])
  const structure = toolFormat.structure(rules)
  return {
    grammar: structure === null ? null : grammarOf(rules, thinking === 'none' ? structure : behindThought(thinking, structure), special),
    special,
    parser: () => thinkParser(thinking, readsCalls ? toolFormat.parser(rules) : plainParser()),
  }
}

/** A format alone keeps its own kind: it is compiled once, whatever the model's marks are. */
function grammarOf({ format }: AnswerRules, structure: Structure, special: readonly number[]): GrammarSpec {
  if (structure.type !== 'json_schema') return { kind: 'structural-tag', tag: JSON.stringify({ type: 'structural_tag', format: structure }), special }
  return format.kind === 'json-object' ? { kind: 'json-object' } : { kind: 'json-schema', schema: JSON.stringify(structure.json_schema) }
}
