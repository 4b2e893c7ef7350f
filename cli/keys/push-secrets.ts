import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { CliError } from '../errors.ts'
import { REPOSITORY } from '../repository.ts'

/** Sets secrets of a deployed script in one request; null removes one. Values are never arguments: those are seen by other processes. */
export type PushSecrets = (script: string, secrets: Readonly<Record<string, string | null>>) => Promise<void>

/** Wrangler says this last. It also ends well where it did nothing. */
const DONE = 'Finished processing secrets file'
const LAST_WORDS_CHARS = 400

/** @param wrangler path of its program. Its account and token are its own business. */
export function pushThrough(wrangler: string): PushSecrets {
  return async (script, secrets) => {
    const { code, said } = await run(process.execPath, [wrangler, 'secret', 'bulk', '--name', script], JSON.stringify(secrets))
    if (code !== 0 || !said.includes(DONE)) throw new CliError('deploy-failed', `wrangler could not set the secrets of ${script}: ${lastWords(said)}`)
  }
}

export function installedWrangler(): string {
  const packagePath = createRequire(import.meta.url).resolve('wrangler/package.json')
  return join(dirname(packagePath), 'bin/wrangler.js')
}

function run(command: string, args: readonly string[], input: string): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, WRANGLER_SEND_METRICS: 'false' }
    const child = spawn(command, args, { cwd: REPOSITORY, env, stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    for (const output of [child.stdout, child.stderr]) output.on('data', (data: Buffer) => (said += data.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, said }))
    child.stdin.on('error', () => undefined) // it ended before it read: its exit code and words say why
    child.stdin.end(input)
  })
}

function lastWords(said: string): string {
  return stripVTControlCharacters(said).trim().replaceAll(/\s+/g, ' ').slice(-LAST_WORDS_CHARS)
}
