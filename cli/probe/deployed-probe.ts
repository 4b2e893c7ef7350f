import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onceInterrupted } from '../dev/stop-signals.ts'
import { CliError } from '../errors.ts'
import type { Progress } from '../progress.ts'
import { deployedUrl, installedWrangler, lastWords } from '../wrangler.ts'
import { createProbeClient } from './probe-client.ts'
import type { ProbeClient } from './probe-client.ts'
import { writeProbeConfigs } from './probe-configs.ts'
import { newToken } from './token.ts'

export interface DeployedOptions {
  readonly peers: number
  readonly bucket: string
  readonly progress: Progress
}

/**
 * Puts the probe's scripts on the account that wrangler is logged in to, asks, and deletes them, whatever happened, an interrupt included. They answer only who has the token of this run.
 * Peers go up before the script that is bound to them, and come down after it.
 */
export async function withDeployedProbe<T>({ peers, bucket, progress }: DeployedOptions, work: (client: ProbeClient) => Promise<T>): Promise<T> {
  return withConfigs(peers, bucket, async ({ token, configs }) => {
    const deployed: string[] = []
    const interrupted = onceInterrupted().then(() => Promise.reject(new CliError('probe-refused', 'interrupted')))
    interrupted.catch(() => undefined) // whoever races with it hears of it; before and after that nobody need
    try {
      let url: string | null = null
      for (const config of configs) {
        deployed.unshift(config) // before it is up: one that failed half-way may be there
        url = deployedUrl(await Promise.race([wrangler(['deploy', '--config', config]), interrupted]))
      }
      if (url === null) throw new CliError('probe-refused', 'wrangler did not say where the probe answers: is a workers.dev subdomain set up?')
      const client = createProbeClient(url, token)
      return await Promise.race([untilReached(client).then(() => work(client)), interrupted])
    } finally {
      for (const config of deployed) {
        const name = basename(config, '.json')
        await wrangler(['delete', '--name', name, '--force']).catch((error: unknown) => progress.warn(`${name} may still be deployed: ${String(error)}`))
      }
    }
  })
}

/** Wrangler's own dry run of every script: bundles them, touches no network. @returns what it said. */
export async function dryRunProbe(peers: number, bucket: string): Promise<string> {
  return withConfigs(peers, bucket, async ({ configs }) => {
    const said: string[] = []
    for (const config of configs)
      said.push(`${basename(config, '.json')}\n${await wrangler(['deploy', '--dry-run', '--outdir', join(dirname(config), 'out'), '--config', config])}`)
    return said.join('\n')
  })
}

async function withConfigs<T>(
  peers: number,
  bucket: string,
  work: (made: { readonly token: string; readonly configs: readonly string[] }) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-probe-'))
  try {
    const { token, sha256 } = newToken()
    const { peers: others, asker } = await writeProbeConfigs(folder, { peers, tokenSha256: sha256, trace: true, bucket })
    return await work({ token, configs: [...others, asker] })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const REACHED_TRIES = 30

/** A new address answers some seconds after it is given. */
async function untilReached(client: ProbeClient): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.ask({ kind: 'wasm' })
      return
    } catch (error) {
      if (tries === REACHED_TRIES) throw error
      await sleep(2000)
    }
  }
}

async function wrangler(args: readonly string[]): Promise<string> {
  const { code, said } = await installedWrangler()(args)
  if (code !== 0) throw new CliError('probe-refused', `wrangler ${args[0]} failed: ${lastWords(said)}`)
  return said
}
