import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * Installs the peers in their own folder, where it was not done: they are no dependency of the product. Their install scripts do not run.
 * @returns why they are not there; null where they are.
 */
export async function installPeers(quick: boolean): Promise<string | null> {
  if (existsSync(join(import.meta.dirname, 'node_modules'))) return null
  if (quick) return 'not installed: run without --quick'
  process.stderr.write('installing the peers (node-llama-cpp, wllama, playwright-core) into bench/peers/node_modules\n')
  try {
    await promisify(execFile)('npm', ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund'], { cwd: import.meta.dirname })
    return null
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    return `npm install failed: ${stderr.split('\n').find((line) => line.trim() !== '') ?? String(error)}`
  }
}

/** A Chromium for the peer that runs in a browser: CHROMIUM_PATH, or where Debian has it; null where there is none. */
export function findChromium(): string | null {
  const path = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
  return existsSync(path) ? path : null
}
