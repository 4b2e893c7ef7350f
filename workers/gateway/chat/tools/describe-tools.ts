import type { ChatMessage, ToolDefinition } from '../messages.ts'

/** Tools in words, at the end of the system message: for templates that do not write them. @param how a call is written. */
export function describeTools(messages: readonly ChatMessage[], tools: readonly ToolDefinition[], how: string): readonly ChatMessage[] {
  const [first, ...rest] = messages
  if (tools.length === 0 || first === undefined) return messages
  const listed = tools.map(({ name, description, parameters }) =>
    JSON.stringify({ name, ...(description !== null && { description }), parameters: parameters ?? {} }),
  )
  const content = ['You can call these tools, one a line, with the JSON schema of their arguments:', ...listed, how].join('\n')
  if (first.role === 'system') return [{ ...first, content: `${first.content}\n\n${content}` }, ...rest]
  return [{ role: 'system', content }, ...messages]
}
