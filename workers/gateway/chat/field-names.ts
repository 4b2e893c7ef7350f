import type { MoeError } from '../../../shared/protocol/errors.ts'

/** What an API calls the fields of a chat, where it does not call them as /v1/chat/completions does. `parameters`: the schema of a tool. */
export type FieldNames = Readonly<Partial<Record<'messages' | 'max_tokens' | 'response_format' | 'logprobs' | 'parameters', string>>>

/** The refusal of a chat, which names fields as /v1/chat/completions does, with the names of the API that it came by. SPEC AP1. */
export function inOwnNames(error: MoeError, names: FieldNames): MoeError {
  if (error.code !== 'invalid-request' || error.details.param === null) return error
  return { ...error, details: { ...error.details, param: ownName(error.details.param, names) } }
}

function ownName(param: string, names: FieldNames): string {
  const tool = /^(tools\[[0-9]+\])\.function\.parameters$/.exec(param)?.[1]
  if (tool !== undefined) return names.parameters === undefined ? param : `${tool}.${names.parameters}`
  return (names as Readonly<Record<string, string | undefined>>)[param] ?? param
}
