import { join } from 'node:path'
import { NO_LIMITS } from '../../shared/protocol/key-list.ts'
import { CliError } from '../errors.ts'
import { checkKeyList, DEV_KEYS_FILE, keySecrets, NO_KEYS, readKeyFile } from '../keys/key-file.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { newKey } from '../keys/new-key.ts'

/** Who may call a local server. */
export interface DevAccess {
  /** Settings of the gateway. */
  readonly vars: Readonly<Record<string, string>>
  /** Keys that are set, and the file that has them; null: none. */
  readonly keys: { readonly path: string; readonly count: number; readonly admin: boolean } | null
  /** For what `isomoe dev` itself sends; null: it needs none. */
  readonly ownKey: string | null
}

export interface DevAccessOptions {
  readonly state: string
  /** File of keys. Absent: the state folder's, if it has one. */
  readonly keys?: string
  readonly cors?: string
  readonly seedTraffic?: string
}

const OWN_NAME = 'isomoe-dev'

/** Where keys are set they are asked for, here too; without any this machine needs none. SPEC KY3. */
export async function readDevAccess({ state, keys: keysPath, cors, seedTraffic }: DevAccessOptions): Promise<DevAccess> {
  const path = keysPath ?? join(state, DEV_KEYS_FILE)
  const file = await readKeyFile(path)
  if (file === null && keysPath !== undefined) throw new CliError('key-unknown', `${path} is not there`)
  const { keys, admin } = file ?? NO_KEYS
  const own = keys.length > 0 && seedTraffic !== undefined ? newKey('imk_') : null
  const { API_KEYS, ADMIN_KEY } = keySecrets({ keys: own === null ? keys : withOwn(keys, own.sha256), admin })
  return {
    vars: {
      ACCESS: 'loopback',
      ...(API_KEYS !== null && { API_KEYS }),
      ...(ADMIN_KEY !== null && { ADMIN_KEY }),
      ...(cors !== undefined && { CORS_ORIGINS: cors }),
    },
    keys: keys.length === 0 && admin === null ? null : { path, count: keys.length, admin: admin !== null },
    ownKey: own?.key ?? null,
  }
}

function withOwn(keys: KeyFile['keys'], sha256: string): KeyFile['keys'] {
  const all = [...keys, { name: OWN_NAME, sha256, limits: NO_LIMITS }]
  checkKeyList(all)
  return all
}
