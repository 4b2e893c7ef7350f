import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { formatBytes, formatTable } from '../table.ts'
import { lastWords } from '../wrangler.ts'
import type { RunWrangler } from '../wrangler.ts'
import type { DeploymentScript } from './deployment-scripts.ts'

export interface BundleSize {
  readonly script: string
  readonly bytes: number
  readonly gzipBytes: number
}

const AT_ONCE = 2

/** wrangler's dry run of each distinct script: it bundles as it would to deploy, and touches no network. Hosts differ by their names only: the first stands for all. */
export async function bundleSizes(wrangler: RunWrangler, folder: string, scripts: readonly DeploymentScript[]): Promise<BundleSize[]> {
  const distinct = scripts.filter(({ part }, index) => scripts.findIndex((other) => other.part === part) === index)
  const sizes: BundleSize[] = []
  const left = distinct.entries()
  async function work(): Promise<void> {
    for (const [index, { script, config }] of left) {
      const out = join(folder, 'bundles', script)
      const { code, said } = await wrangler(['deploy', '--dry-run', '--outdir', out, '--config', join(folder, 'configs', `${config.name}.json`)])
      if (code !== 0) throw new CliError('deploy-failed', `wrangler cannot bundle ${script}: ${lastWords(said)}`)
      sizes[index] = { script, ...(await sizeOf(out)) }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const large = sizes.find(({ gzipBytes }) => gzipBytes > LIMITS.scriptGzipBytesMax)
  if (large) throw new CliError('deploy-refused', `${large.script} has ${large.gzipBytes} bytes with gzip, a script may have ${LIMITS.scriptGzipBytesMax}`)
  return sizes
}

/** As rows of a table. */
export function describeSizes(sizes: readonly BundleSize[], hostCount: number): string {
  const rows = sizes.map(({ script, bytes, gzipBytes }, index) => [
    index === 0 && hostCount > 1 ? `${script} (and ${hostCount - 1} more)` : script,
    formatBytes(bytes),
    formatBytes(gzipBytes),
  ])
  return formatTable([['script', 'bundle', 'gzip'], ...rows])
}

/** What goes up, as wrangler reckons it: all modules in one, without source maps and its README. */
async function sizeOf(out: string): Promise<Omit<BundleSize, 'script'>> {
  const names = (await readdir(out)).filter((name) => !/(\.map|^README\.md)$/.test(name)).sort()
  const all = Buffer.concat(await Promise.all(names.map((name) => readFile(join(out, name)))))
  return { bytes: all.byteLength, gzipBytes: gzipSync(all).byteLength }
}
