import { z } from 'zod'
import { CliError } from '../errors.ts'
import { fetchText, parseJson } from './fetch-text.ts'
import { apiUrl } from './send-request.ts'

const Models = z.object({ data: z.array(z.object({ id: z.string().min(1) })).min(1) })
const MODELS_MS_MAX = 30_000
const MODELS_CHARS_MAX = 4 * 1024 * 1024

/** The first model that the server lists, for those who do not name one. */
export async function firstModel(server: string, apiKey: string | null): Promise<string> {
  const { href } = apiUrl(server, 'models')
  const fetched = await fetchText(href, { apiKey, signal: AbortSignal.timeout(MODELS_MS_MAX), charsMax: MODELS_CHARS_MAX })
  if (fetched.text === null)
    throw new CliError('server-refused', `${href}: ${fetched.reason}${/^status 40[13]$/.test(fetched.reason) ? ': an API key is needed (--api-key)' : ''}`)
  const models = Models.safeParse(parseJson(fetched.text))
  if (!models.success) throw new CliError('server-refused', `${href} is no list of models: name one with --model`)
  return models.data.data[0]!.id
}
