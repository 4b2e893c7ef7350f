import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from '../errors.ts'
import { createObjectStore } from './object-store.ts'
import type { ObjectStore } from './object-store.ts'

const ACCOUNT_ID = /^[0-9a-f]{32}$/

/** The bucket of the account that the environment names. Its keys are R2's own (docs/guides/deploy.md), not wrangler's token. */
export function accountStore(environment: Readonly<Record<string, string | undefined>>): (bucket: string) => ObjectStore {
  const variable = (name: string): string => {
    const value = environment[name]
    if (!value) throw new CliError('deploy-refused', `the environment variable ${name} is not set (docs/guides/deploy.md says where it comes from)`)
    return value
  }
  return (bucket) => {
    const account = variable('CLOUDFLARE_ACCOUNT_ID')
    if (!ACCOUNT_ID.test(account)) throw new CliError('deploy-refused', 'CLOUDFLARE_ACCOUNT_ID is not an account id: 32 hex digits')
    return createObjectStore({
      endpoint: `https://${account}.r2.cloudflarestorage.com`,
      bucket,
      accessKeyId: variable('R2_ACCESS_KEY_ID'),
      secretAccessKey: variable('R2_SECRET_ACCESS_KEY'),
      fetch,
      wait: (ms) => sleep(ms),
    })
  }
}
