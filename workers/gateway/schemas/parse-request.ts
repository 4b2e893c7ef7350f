import type { z } from 'zod'
import { fail } from '../../../shared/protocol/errors.ts'
import type { ErrorDetails, MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { echo } from '../../../shared/protocol/echo.ts'

/**
 * Zod notes every fault, with some 350 bytes: 4 MiB of `0,0,…` where objects belong are two million of them. It stops at the first only for its
 * own `validate`, which gives no issue; the option behind it has no public type (zod 4.6.7; parse-request.test.ts sees if it goes).
 */
const FIRST_FAULT: object = { abortEarly: true, reportInput: true }

/** Parses a body once into its type; the first thing that is wrong is the error. SPEC AP1, AP2, AP9. */
export function parseRequest<T extends z.ZodType>(schema: T, body: unknown): Result<z.output<T>, MoeError> {
  const parsed = schema.safeParse(body, FIRST_FAULT)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  if (issue === undefined) throw new Error('zod refused without an issue')
  return refuse(innermost(issue))
}

/** Of a union that says nothing itself: what is wrong with the form that the value is nearest to, the one whose fault lies deepest. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union' || issue.message !== 'Invalid input') return issue
  const firsts = issue.errors.flatMap(([first]) => (first === undefined ? [] : [innermost(first)]))
  const [deepest] = firsts.toSorted((a, b) => depthOf(b) - depthOf(a))
  return deepest === undefined ? issue : { ...deepest, path: [...issue.path, ...deepest.path] }
}

/** What was looked into is nearer than what has the wrong type altogether. */
function depthOf({ code, path }: z.core.$ZodIssue): number {
  return path.length + (code === 'invalid_type' ? 0 : 0.5)
}

function refuse(issue: z.core.$ZodIssue): { readonly ok: false; readonly error: MoeError } {
  if (issue.code === 'unrecognized_keys') {
    const param = echo(pathOf([...issue.path, issue.keys[0] ?? '']))
    return invalid(param, 'unknown_parameter', `Unknown parameter: '${param}'.`)
  }
  const param = echo(pathOf(issue.path))
  if (param === '') return invalid(null, 'invalid_value', 'The body must be a JSON object.')
  if (issue.code === 'custom' && issue.params?.['reason'] === 'unsupported_parameter') {
    return invalid(param, 'unsupported_parameter', `Unsupported parameter: '${param}' ${issue.message}.`)
  }
  if (isMissing(issue)) return invalid(param, 'invalid_value', `Missing required parameter: '${param}'.`)
  return invalid(param, 'invalid_value', `Invalid value for '${param}': ${issue.message}.`)
}

/** JSON has no undefined: it is what a schema finds where a field is not there. */
function isMissing({ code, input }: z.core.$ZodIssue): boolean {
  return code !== 'custom' && input === undefined
}

function invalid(param: string | null, reason: ErrorDetails['invalid-request']['reason'], message: string) {
  return fail('invalid-request', message, { param, reason })
}

/** `messages[0].content`, as OpenAI writes it. */
function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`), '')
}
