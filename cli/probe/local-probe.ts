import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLocalCluster } from '../dev/local-cluster.ts'
import { startRelay } from '../dev/relay.ts'
import { createProbeClient } from './probe-client.ts'
import type { ProbeClient } from './probe-client.ts'
import { writeProbeConfigs } from './probe-configs.ts'
import { newToken } from './token.ts'

/** Runs the probe's scripts in workerd, as `isomoe dev` runs its own, behind the same relay; ends them after `work`. */
export async function withLocalProbe<T>(peers: number, work: (client: ProbeClient, url: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-probe-'))
  try {
    const { token, sha256 } = newToken()
    const configs = await writeProbeConfigs(join(folder, 'configs'), { peers, tokenSha256: sha256, trace: false, bucket: 'isomoe' })
    const cluster = await startLocalCluster({
      processes: [[configs.asker, ...configs.peers]],
      wasmAlias: new Map(),
      statePath: folder,
      onLog: () => undefined, // what fails is in the answers
    })
    try {
      const relay = await startRelay(0)
      try {
        relay.passTo(cluster.port())
        const url = `http://127.0.0.1:${relay.port}`
        return await work(createProbeClient(url, token), url)
      } finally {
        relay.close()
      }
    } finally {
      await cluster.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
