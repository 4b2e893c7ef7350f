import { CommanderError } from 'commander'
import type { ErrorCode, MoeError } from '../shared/protocol/errors.ts'
import type { Result } from '../shared/protocol/result.ts'

/** What only the command line can refuse; the other codes are those of shared/protocol. */
export type CliErrorCode =
  | ErrorCode
  | 'checkpoint-invalid'
  | 'path-refused'
  | 'out-refused'
  | 'name-invalid'
  | 'port-in-use'
  | 'state-in-use'
  | 'tier-missing'
  | 'model-failed'
  | 'mix-invalid'
  | 'trace-invalid'
  | 'file-too-large'
  | 'server-refused'
  | 'load-too-long'
  | 'key-exists'
  | 'key-unknown'
  | 'deploy-failed'
  | 'deploy-refused'
  | 'upload-failed'
  | 'nothing-answered'
  | 'prices-invalid'
  | 'probe-invalid'
  | 'probe-refused'

/**
 * An expected failure of a command, thrown: a command has one reader, the person at the terminal, and nothing between the fault and the
 * last line can do anything about it. main.ts prints it.
 */
export class CliError extends Error {
  readonly code: CliErrorCode

  constructor(code: CliErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** The value of a result, or its error thrown. */
export function unwrap<T>(result: Result<T, MoeError>): T {
  if (result.ok) return result.value
  throw new CliError(result.error.code, result.error.message)
}

/** Exit code of a command that ended with `error`: 2 for wrong usage, 1 for all else, 0 for --help and --version. SPEC CL1. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof CommanderError)) return 1
  return error.exitCode === 0 ? 0 : 2
}

/** `isomoe: <message> (<code>)`, one line whatever a file's names contain. SPEC CL1. */
export function errorLine(error: unknown): string {
  const { message, code } = describe(error)
  return `isomoe: ${printable(message)} (${code})`
}

function describe(error: unknown): { message: string; code: string } {
  if (error instanceof CliError) return { message: error.message, code: error.code }
  if (error instanceof CommanderError) return { message: usageMessage(error), code: 'usage' }
  if (isSystemError(error)) return { message: error.message.replace(`${error.code}: `, ''), code: error.code }
  return { message: error instanceof Error ? `${error.name}: ${error.message}` : String(error), code: 'internal' }
}

function usageMessage(error: CommanderError): string {
  if (error.code === 'commander.help') return 'a command is missing: --help lists them'
  return error.message.replace(/^error: /, '').replaceAll('\n', ' ') // commander's suggestion is a second line
}

function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string'
}

/** Names come from other people's files: escapes would drive the terminal, newlines would break the one line. */
export function printable(text: string): string {
  const escaped = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`)
  return escaped.length > LINE_CHARS_MAX ? `${escaped.slice(0, LINE_CHARS_MAX)}…` : escaped
}

const LINE_CHARS_MAX = 600
