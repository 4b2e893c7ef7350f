import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { experimental_readRawConfig } from 'wrangler'
import { REPOSITORY } from '../repository.ts'

/** Configs of the probe's scripts: peers first, because the one that asks is bound to them. */
export interface ProbeConfigs {
  readonly peers: readonly string[]
  readonly asker: string
}

/**
 * Writes one config a script. Peers are the same worker under other names: isolates of their own, if the platform gives them any.
 * @param bucket of R2, which must exist: the probe writes one object there and deletes it.
 */
export async function writeProbeConfigs(
  folder: string,
  { peers, tokenSha256, trace, bucket }: { readonly peers: number; readonly tokenSha256: string; readonly trace: boolean; readonly bucket: string },
): Promise<ProbeConfigs> {
  await mkdir(folder, { recursive: true })
  const path = join(REPOSITORY, 'workers/probe/wrangler.toml')
  const { rawConfig } = experimental_readRawConfig({ config: path })
  const names = Array.from({ length: peers }, (_, index) => `${rawConfig.name}-peer-${index + 1}`)
  const bindings = names.map((script_name, index) => ({ name: `PEER_${index + 1}`, class_name: 'Probe', script_name }))
  const common = {
    ...rawConfig,
    main: resolve(dirname(path), rawConfig.main!),
    r2_buckets: [{ binding: 'BUCKET', bucket_name: bucket }],
    workers_dev: false,
    preview_urls: false,
  }
  const vars = { TOKEN_SHA256: tokenSha256, TRACE: trace ? 'on' : 'off' }
  const asker = {
    ...common,
    workers_dev: true,
    vars: { ...vars, PEERS: bindings.map(({ name }) => name).join(',') },
    durable_objects: { bindings: [...rawConfig.durable_objects!.bindings, ...bindings] },
  }
  return {
    peers: await Promise.all(names.map((name) => write(folder, { ...common, name, vars: { ...vars, PEERS: '' } }))),
    asker: await write(folder, asker),
  }
}

async function write(folder: string, config: { readonly name?: string | undefined }): Promise<string> {
  const path = join(folder, `${config.name}.json`)
  await writeFile(path, JSON.stringify(config, null, 2))
  return path
}
