import { z } from 'zod'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { readBounded } from '../read-bounded.ts'
import { BUILT_IN_MIXES } from './built-in-mixes.ts'
import { Mix } from './mix.ts'
import type { Domain } from './mix.ts'

/** A built-in mix by its name, else the JSON file of that path. */
export async function readMix(nameOrPath: string): Promise<Mix> {
  const builtIn = BUILT_IN_MIXES.get(nameOrPath)
  if (builtIn) return builtIn
  const bytes = await readBounded(nameOrPath, LIMITS.loadFileBytesMax).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new CliError('mix-invalid', `${nameOrPath} is neither a file nor a built-in mix (${Array.from(BUILT_IN_MIXES.keys()).join(', ')})`)
  })
  const mix = Mix.safeParse(parseJson(bytes.toString(), nameOrPath))
  if (!mix.success) throw new CliError('mix-invalid', `${nameOrPath}: ${firstIssue(mix.error)}`)
  return mix.data
}

const PromptLine = z.object({ domain: z.string().min(1).max(LIMITS.loadNameChars), text: z.string().min(1).max(LIMITS.promptCharsMax) })

/** Prompts of a JSON-lines file, `{domain, text}` each: the form of the demo model's held-back texts. */
export function parsePromptLines(text: string, path: string): ReadonlyMap<string, Domain> {
  const prompts = new Map<string, string[]>()
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const parsed = PromptLine.safeParse(parseJson(line, `${path} line ${i + 1}`))
    if (!parsed.success) throw new CliError('mix-invalid', `${path} line ${i + 1}: ${firstIssue(parsed.error)}`)
    const known = prompts.get(parsed.data.domain)
    if (known) known.push(parsed.data.text)
    else prompts.set(parsed.data.domain, [parsed.data.text])
    if (prompts.size > LIMITS.loadDomainsMax) throw new CliError('mix-invalid', `${path}: more than ${LIMITS.loadDomainsMax} domains`)
    if ((known?.length ?? 0) > LIMITS.loadPromptsMax)
      throw new CliError('mix-invalid', `${path}: more than ${LIMITS.loadPromptsMax} prompts of ${parsed.data.domain}`)
  }
  return new Map(Array.from(prompts, ([domain, texts]) => [domain, { prompts: texts }]))
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError('mix-invalid', `${where} is not JSON: ${(error as Error).message}`)
  }
}

function firstIssue(error: z.ZodError): string {
  const { path, message } = error.issues[0]!
  return path.length > 0 ? `${path.join('.')}: ${message}` : message
}
