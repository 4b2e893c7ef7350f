import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { formatKeyLimits, NO_LIMITS, parseKeyLimits } from '../../shared/protocol/key-list.ts'
import type { KeyLimits } from '../../shared/protocol/key-list.ts'
import { formatTable } from '../table.ts'
import { installedWrangler } from '../wrangler.ts'
import { addKey, pushKeys, revokeKey, setAdminKey } from './change-keys.ts'
import type { KeyPlace } from './change-keys.ts'
import { DEV_KEYS_FILE, NO_KEYS, readKeyFile } from './key-file.ts'
import { pushThrough } from './push-secrets.ts'

interface PlaceOptions {
  readonly file?: string
  readonly deployed?: string | true
}

/** What a deployed server has, in a file that is to be kept. */
const DEPLOYED_KEYS_FILE = 'isomoe-keys.json'
const GATEWAY_SCRIPT = 'isomoe-gateway'

export const keysCommand = new Command('keys').description('API keys: who may call a server, and how much. Files and servers hold their hashes only.')

keysCommand.addCommand(
  placed(new Command('add'))
    .description('Make a key. It is printed once, on stdout.')
    .argument('<name>', 'whose it is: its limits are counted under this name')
    .option('--limits <list>', 'such as rpm=60,tpm=10000,concurrent=4,max_tokens=512 (default: none)', limitsOption)
    .action(async (name: string, options: PlaceOptions & { readonly limits?: KeyLimits }) => {
      const place = placeOf(options)
      printKey(await addKey(place, name, options.limits ?? NO_LIMITS), place)
    }),
)
keysCommand.addCommand(
  placed(new Command('admin'))
    .description("Make the admin's key, in the place of the one before.")
    .action(async (options: PlaceOptions) => {
      const place = placeOf(options)
      printKey(await setAdminKey(place), place)
    }),
)
keysCommand.addCommand(
  placed(new Command('list'))
    .description('Names and limits.')
    .action(async (options: PlaceOptions) => {
      const { keys, admin } = (await readKeyFile(placeOf(options).file)) ?? NO_KEYS
      const rows = keys.map(({ name, limits }) => [name, formatKeyLimits(limits) || 'none'])
      if (rows.length > 0) process.stdout.write(formatTable([['name', 'limits'], ...rows]))
      process.stdout.write(summary(keys.length, admin))
    }),
)
keysCommand.addCommand(
  placed(new Command('revoke'))
    .description('Take a key away.')
    .argument('<name>')
    .action(async (name: string, options: PlaceOptions) => {
      const place = placeOf(options)
      await revokeKey(place, name)
      process.stdout.write(`revoked ${name}${inForce(place)}\n`)
    }),
)
keysCommand.addCommand(
  placed(new Command('push'))
    .description('Give a deployed server the keys of the file, as they are.')
    .action(async (options: PlaceOptions) => {
      const place = placeOf({ ...options, deployed: options.deployed ?? true })
      const { keys, admin } = await pushKeys(place)
      process.stdout.write(`${place.script}: ${summary(keys.length, admin)}`)
    }),
)

function placed(command: Command): Command {
  return command
    .option('--file <file>', `where hashes and limits are kept (default: .isomoe/${DEV_KEYS_FILE}; with --deployed ${DEPLOYED_KEYS_FILE})`)
    .option('--deployed [script]', `also set the secrets of a deployed gateway, ${GATEWAY_SCRIPT} if unnamed, through wrangler`)
}

function placeOf({ file, deployed }: PlaceOptions): KeyPlace {
  const script = deployed === true ? GATEWAY_SCRIPT : (deployed ?? null)
  return {
    file: file ?? (script === null ? join('.isomoe', DEV_KEYS_FILE) : DEPLOYED_KEYS_FILE),
    script,
    push: (name, secrets) => pushThrough(installedWrangler())(name, secrets),
  }
}

function limitsOption(text: string): KeyLimits {
  const limits = parseKeyLimits(text)
  if (limits.ok) return limits.value
  throw new InvalidArgumentError(`It ${limits.error}.`)
}

/** Only the key on stdout, so that `key=$(isomoe keys add me)` works. */
function printKey(key: string, place: KeyPlace): void {
  process.stdout.write(`${key}\n`)
  process.stderr.write(`isomoe: this key is shown once and kept nowhere; its hash is in ${place.file}${inForce(place)}\n`)
}

function summary(apiKeys: number, admin: string | null): string {
  return `API keys: ${apiKeys}, admin key: ${admin === null ? 'none' : 'set'}\n`
}

function inForce({ script }: KeyPlace): string {
  return script === null ? ', in force when isomoe dev starts next' : `, in force on ${script} within seconds`
}
