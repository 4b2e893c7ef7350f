import { LIMITS } from './limits.ts'
import { err, ok } from './result.ts'
import type { Result } from './result.ts'

/** Reads a list of origins of browsers' pages, between them commas; `*` is every origin. */
export function parseOrigins(text: string): Result<readonly string[], string> {
  const origins = text
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean)
  if (origins.length > LIMITS.corsOriginsMax) return err(`has more than ${LIMITS.corsOriginsMax} origins`)
  const wrong = origins.find((origin) => origin !== '*' && !isOrigin(origin))
  return wrong === undefined ? ok(origins) : err(`has '${wrong}', expected origins such as https://example.com, or *`)
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text
}
