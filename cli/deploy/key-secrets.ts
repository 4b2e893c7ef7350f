import { CliError } from '../errors.ts'
import { keySecrets, readKeyFile } from '../keys/key-file.ts'
import { lastWords } from '../wrangler.ts'
import type { RunWrangler } from '../wrangler.ts'

/** What the gateway is told of keys; null: it has them already. */
export type Secrets = Readonly<Record<'API_KEYS' | 'ADMIN_KEY', string>> | null

/** The keys of a file made by `isomoe keys`. One of each kind must be there: a gateway without them is closed, and so is /metrics. SPEC DP7. */
export async function secretsOfFile(path: string): Promise<Secrets> {
  const file = await readKeyFile(path)
  if (file === null) throw new CliError('key-unknown', `${path} is not there: make keys with isomoe keys add and isomoe keys admin, --file ${path}`)
  const { API_KEYS, ADMIN_KEY } = keySecrets(file)
  if (API_KEYS === null) throw new CliError('deploy-refused', `${path} has no API key: isomoe keys add <name> --file ${path}`)
  if (ADMIN_KEY === null) throw new CliError('deploy-refused', `${path} has no admin key: isomoe keys admin --file ${path}`)
  return { API_KEYS, ADMIN_KEY }
}

/** Refuses unless the deployed gateway has both. Only names can be read. */
export async function requireDeployedSecrets(wrangler: RunWrangler, gateway: string): Promise<void> {
  const { code, said } = await wrangler(['secret', 'list', '--name', gateway, '--format', 'json'])
  const missing = ['API_KEYS', 'ADMIN_KEY'].filter((name) => !said.includes(`"${name}"`))
  if (code === 0 && missing.length === 0) return
  const reason = code === 0 ? `it has no ${missing.join(' and no ')}` : lastWords(said)
  throw new CliError('deploy-refused', `the secrets of ${gateway} are not known (${reason}): give --keys-file`)
}
