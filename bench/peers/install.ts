import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

interface PackageJson {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}

/** The version of a peer's package that is in its folder; null where there is none. */
export function installedVersion(name: string): string | null {
  const file = join('node_modules', name, 'package.json')
  return existsSync(join(import.meta.dirname, file)) ? readPackage(file).version : null
}

function readPackage(file: string): PackageJson {
  return JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as PackageJson
}

/**
 * Installs the peers in their own folder, where one is absent or of another version than package.json names: they are no dependency of the product. Their install scripts do not run.
 * @returns why they are not there; null where they are.
 */
export async function installPeers(quick: boolean): Promise<string | null> {
  const pinned = Object.entries(readPackage('package.json').dependencies)
  if (pinned.every(([name, version]) => installedVersion(name) === version)) return null
  if (quick) return 'not installed: run without --quick'
  process.stderr.write(`installing the peers (${pinned.map(([name]) => name).join(', ')}) into bench/peers/node_modules\n`)
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
