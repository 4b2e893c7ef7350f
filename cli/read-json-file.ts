import type { z } from 'zod'
import { CliError } from './errors.ts'
import type { CliErrorCode } from './errors.ts'
import { readBounded } from './read-bounded.ts'

/** A JSON file that is as its schema says. Else `code`, naming the first field that is not. */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>, bytesMax: number, code: CliErrorCode): Promise<T> {
  const parsed = schema.safeParse(parse(await readBounded(path, bytesMax), path, code))
  if (parsed.success) return parsed.data
  const { path: field, message } = parsed.error.issues[0]!
  throw new CliError(code, `${path}: ${field.length > 0 ? `${field.join('.')}: ` : ''}${message}`)
}

function parse(bytes: Buffer, path: string, code: CliErrorCode): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (error) {
    throw new CliError(code, `${path} is not JSON: ${(error as Error).message}`)
  }
}
