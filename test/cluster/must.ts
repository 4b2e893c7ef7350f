import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Result } from '../../shared/protocol/result.ts'

/** The value of a result that a test counts on. */
export function must<T>(result: Result<T, MoeError>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result.value
}
