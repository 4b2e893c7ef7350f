import { CliError } from '../errors.ts'
import { lastWords } from '../wrangler.ts'
import type { RunWrangler } from '../wrangler.ts'

/** Sets secrets of a deployed script in one request; null removes one. */
export type PushSecrets = (script: string, secrets: Readonly<Record<string, string | null>>) => Promise<void>

/** Wrangler says this last. It also ends well where it did nothing. */
const DONE = 'Finished processing secrets file'

export function pushThrough(wrangler: RunWrangler): PushSecrets {
  return async (script, secrets) => {
    const { code, said } = await wrangler(['secret', 'bulk', '--name', script], JSON.stringify(secrets))
    if (code !== 0 || !said.includes(DONE)) throw new CliError('deploy-failed', `wrangler could not set the secrets of ${script}: ${lastWords(said)}`)
  }
}
