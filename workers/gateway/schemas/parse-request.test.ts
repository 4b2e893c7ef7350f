import { describe, expect, it, vi } from 'vitest'
import type { z } from 'zod'
import { ChatRequest } from './chat-request.ts'
import { CompletionRequest } from './completion-request.ts'
import { MessagesRequest } from './messages-request.ts'
import { parseRequest } from './parse-request.ts'
import { ResponsesRequest } from './responses-request.ts'

const MODEL = '"model":"m"'
const CHAT = `${MODEL},"messages":[{"role":"user","content":"x"}]`
const ANTHROPIC = `"max_tokens":1,${MODEL}`

/** A list as a body has it: JSON, because a literal `__proto__` is no key. */
const many = (count: number, item: string) => `[${Array(count).fill(item).join(',')}]`

describe('what is wrong', () => {
  it.each<[string, z.ZodType, string]>([
    ['messages', ChatRequest, `{${MODEL},"messages":${many(2000, '0')}}`],
    ['parts of messages', ResponsesRequest, `{${MODEL},"input":${many(1000, `{"role":"user","content":${many(1000, '0')}}`)}}`],
    ['blocks of messages', MessagesRequest, `{${ANTHROPIC},"messages":${many(1000, `{"role":"user","content":${many(1000, '0')}}`)}}`],
    ['names of a map', CompletionRequest, `{${MODEL},"prompt":"a","logit_bias":{${Array.from({ length: 2000 }, (_, i) => `"x${i}":1`).join(',')}}}`],
  ])('[AP9] of many wrong %s the first is looked for, and no other noted', (_, schema, text) => {
    const parse = vi.spyOn(schema, 'safeParse')
    expect(parseRequest(schema, JSON.parse(text))).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
    const { error } = parse.mock.results[0]!.value as z.ZodSafeParseError<unknown>
    expect(countIssues(error.issues)).toBeLessThan(10)
    parse.mockRestore()
  })

  it.each<[string, z.ZodType, string]>([
    ['__proto__', ChatRequest, `{${CHAT},"__proto__":{"a":1}}`],
    ['logit_bias', ChatRequest, `{${CHAT},"logit_bias":{"__proto__":5}}`],
    ['metadata', ResponsesRequest, `{${MODEL},"input":"a","metadata":{"__proto__":"5"}}`],
    ['tools[0].function.parameters', ChatRequest, `{${CHAT},"tools":[{"type":"function","function":{"name":"f","parameters":{"__proto__":{}}}}]}`],
    [
      'messages[0].content[0].input',
      MessagesRequest,
      `{${ANTHROPIC},"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":{"__proto__":5}}]}]}`,
    ],
  ])('[AP2] %s: nothing is dropped without a word, whatever its name', (param, schema, text) => {
    expect(parseRequest(schema, JSON.parse(text))).toMatchObject({ ok: false, error: { details: { param } } })
  })

  it.each<[string, z.ZodType, string, string]>([
    ['model', CompletionRequest, '{"prompt":"a"}', "Missing required parameter: 'model'."],
    ['messages', ChatRequest, `{${MODEL}}`, "Missing required parameter: 'messages'."],
    ['messages[0].role', ChatRequest, `{${MODEL},"messages":[{"content":"x"}]}`, "Missing required parameter: 'messages[0].role'."],
    ['input', ResponsesRequest, `{${MODEL}}`, "Missing required parameter: 'input'."],
    ['max_tokens', MessagesRequest, `{${MODEL},"messages":[{"role":"user","content":"x"}]}`, "Missing required parameter: 'max_tokens'."],
    [
      'model',
      ChatRequest,
      '{"model":null,"messages":[{"role":"user","content":"x"}]}',
      "Invalid value for 'model': Invalid input: expected string, received null.",
    ],
    ['tool_choice', ChatRequest, `{${CHAT},"tool_choice":"required"}`, "Invalid value for 'tool_choice': needs tools."],
  ])('[AP1] %s: what is missing is called so, and no other fault', (param, schema, text, message) => {
    expect(parseRequest(schema, JSON.parse(text))).toMatchObject({ ok: false, error: { message, details: { param, reason: 'invalid_value' } } })
  })
})

function countIssues(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + 1 + (issue.code === 'invalid_union' ? countIssues(issue.errors.flat()) : 0), 0)
}
