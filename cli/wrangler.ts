import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { REPOSITORY } from './repository.ts'

export interface WranglerEnd {
  /** Exit code; null: a signal ended it. */
  readonly code: number | null
  /** The end of what it said on both outputs. */
  readonly said: string
}

/** Runs wrangler once. `input` goes to its stdin: secrets are never arguments, which other processes see. Rejects only where it cannot be started. */
export type RunWrangler = (args: readonly string[], input?: string) => Promise<WranglerEnd>

const SAID_CHARS_MAX = 64 * 1024
const LAST_WORDS_CHARS = 400

/** The project's own wrangler. Its account and token are its own business. */
export function installedWrangler(): RunWrangler {
  const packagePath = createRequire(import.meta.url).resolve('wrangler/package.json')
  return wranglerAt(join(dirname(packagePath), 'bin/wrangler.js'))
}

/** @param program path of its JavaScript. */
export function wranglerAt(program: string): RunWrangler {
  return (args, input = '') =>
    new Promise((resolve, reject) => {
      const env = { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' }
      const child = spawn(process.execPath, [program, ...args], { cwd: REPOSITORY, env, stdio: ['pipe', 'pipe', 'pipe'] })
      let said = ''
      for (const output of [child.stdout, child.stderr]) output.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-SAID_CHARS_MAX)))
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, said }))
      child.stdin.on('error', () => undefined) // it ended before it read: its exit code and words say why
      child.stdin.end(input)
    })
}

/** The end of what it said, as one line. */
export function lastWords(said: string): string {
  return stripVTControlCharacters(said).trim().replaceAll(/\s+/g, ' ').slice(-LAST_WORDS_CHARS)
}

/** The address in what `wrangler deploy` says; null where there is none. */
export function deployedUrl(said: string): string | null {
  return /https:\/\/[a-z0-9.-]+\.workers\.dev(?=\s|$)/.exec(said)?.[0] ?? null
}
