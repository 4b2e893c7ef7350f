import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLocalCluster } from '../../cli/dev/local-cluster.ts'
import { hostBinding, hostNames } from '../../shared/placement/host-names.ts'
import { LIMITS, MIB } from '../../shared/protocol/limits.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import { writeHostConfigs } from '../cluster/host-configs.ts'
import type { Outcome } from '../figures.ts'
import { Samples } from '../samples.ts'
import { buildHostPack } from './host-pack.ts'
import type { HostPack } from './host-pack.ts'

/**
 * How long a host takes to load as many experts as its arena holds, beside the bare reads of the same bytes from the same local R2 by the
 * same plan. A host loads once, so every round has one of its own. A cold load is the first use of all experts less the same use again.
 */
export async function measureColdLoad(rounds: number): Promise<Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-bench-'))
  try {
    const pack = buildHostPack()
    const size = `${Math.round(pack.expertBytes / MIB)} MiB`
    const oneThread = 'on one thread with local R2, so reads, checksums and page faults add up'
    const samples = await runRounds(pack, rounds, folder)
    return [
      samples.figure('serve.rawread_ms', 'ms', 'raw', `${size} from local R2, ${LIMITS.readsInFlight} reads under way, bytes dropped`),
      samples.figure('serve.rawread_kept_ms', 'ms', 'kept', 'the same, copied into memory that nobody has touched'),
      samples.figure('serve.sha256_ms', 'ms', 'sha256', 'checksums of as many bytes, without reads'),
      samples.figure('serve.coldload_ms', 'ms', 'cold', oneThread),
      samples.ratio('serve.coldload_over_rawread', 'cold', 'raw'),
      samples.ratio('serve.coldload_over_limit', 'cold', 'limit', 'the limit on one thread: reads that are kept, and checksums'),
    ]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runRounds(pack: HostPack, rounds: number, folder: string): Promise<Samples> {
  const prefix = packPrefix(pack.manifest.name, pack.manifest.digest)
  const hosts = hostNames(rounds)
  const workerLog: string[] = []
  const cluster = await startLocalCluster({
    processes: [await writeHostConfigs(folder, { name: 'cold-load', main: join(import.meta.dirname, 'cold-load-worker.ts'), hosts, prefix })],
    wasmAlias: new Map(),
    statePath: folder,
    onLog: ({ level, message }) => workerLog.push(`${level} ${message}`),
  })
  const time = async (path: string): Promise<number> => {
    const begin = performance.now()
    const response = await fetch(`http://127.0.0.1:${cluster.port()}/${path}`)
    const text = await response.text()
    const ms = performance.now() - begin
    const want = path.startsWith('open') ? 0 : pack.expertBytes
    if (response.status !== 200 || Number(text) !== want) throw new Error(`/${path} gave ${text}, not ${want} bytes: ${workerLog.join('\n')}`)
    return ms
  }
  try {
    const bucket = await cluster.bucket()
    for (const [name, bytes] of pack.objects) await bucket.put(prefix + name, bytes)
    await bucket.put(`${prefix}manifest.json`, pack.manifestBytes)
    for (const path of ['raw', 'kept', 'sha256']) await time(path)
    const samples = new Samples()
    for (const host of hosts) {
      const [raw, kept, sha256] = [await time('raw'), await time('kept'), await time('sha256')]
      await time(`open/${hostBinding(host)}`)
      const first = await time(`run/${hostBinding(host)}`)
      const cold = first - (await time(`run/${hostBinding(host)}`))
      for (const [name, ms] of Object.entries({ raw, kept, sha256, cold, limit: kept + sha256 })) samples.add(name, ms)
    }
    return samples
  } finally {
    await cluster.stop()
  }
}
