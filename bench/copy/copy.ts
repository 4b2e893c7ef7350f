import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLocalCluster } from '../../cli/dev/local-cluster.ts'
import { seedLocalR2 } from '../../cli/dev/seed.ts'
import { readPackFolder } from '../../cli/pack-folder.ts'
import { createProgress } from '../../cli/progress.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { hostBinding, hostNames } from '../../shared/placement/host-names.ts'
import type { LoadReport, ProbeReport } from '../../shared/protocol/host-api.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import { writeHostConfigs } from '../cluster/host-configs.ts'
import { RATIO } from '../figures.ts'
import type { BenchOptions, BenchResult, Outcome } from '../figures.ts'
import { Samples } from '../samples.ts'

const PACK = join(REPOSITORY, 'models/demo')
/** Experts of an order, of the demo's 204 KiB each. */
const COUNTS = [1, 2, 8, 24]
/** Neighbours share reads of storage; hot experts seldom are neighbours. */
const STRIDES = { neighbours: 1, scattered: 4 } as const
/** What a host holds before it grows, for the peak: about 20 MB. */
const STEADY = 94

/** How long a host takes to bring experts in by order, from local R2 and from another host, and to probe them; and what it holds meanwhile. */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-bench-'))
  try {
    return { outcomes: await measure(quick ? 1 : 15, folder) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(rounds: number, folder: string): Promise<Outcome[]> {
  const manifest = await readPackFolder(PACK)
  const [first, second] = hostNames(2) as [string, string]
  const prefix = packPrefix(manifest.name, manifest.digest)
  const [target, peer] = [hostBinding(first), hostBinding(second)]
  const workerLog: string[] = []
  const cluster = await startLocalCluster({
    processes: [await writeHostConfigs(folder, { name: 'copy', main: join(import.meta.dirname, 'copy-worker.ts'), hosts: [first, second], prefix })],
    wasmAlias: new Map(),
    statePath: folder,
    onLog: ({ level, message }) => workerLog.push(`${level} ${message}`),
  })
  const samples = new Samples()
  const call = async <T>(path: string): Promise<{ readonly ms: number; readonly answer: T }> => {
    const begin = performance.now()
    const response = await fetch(`http://127.0.0.1:${cluster.port()}/${path}`)
    const text = await response.text()
    const ms = performance.now() - begin
    if (response.status !== 200) throw new Error(`/${path} gave ${response.status}: ${text} ${workerLog.join('\n')}`)
    return { ms, answer: JSON.parse(text) as T }
  }
  const { hi, lo } = manifest.experts[0]!
  const load = async (count: number, stride: number, from: string | null) => {
    await call(`drop/${target}/${STEADY}/1`)
    const { ms, answer } = await call<LoadReport>(`load/${target}/${count}/${stride}${from === null ? '' : `/${from}`}`)
    const want = count * (hi!.bytes + lo!.bytes)
    if (answer.failed.length > 0 || answer.bytes !== want) throw new Error(`the load gave ${JSON.stringify(answer)}, not ${want} bytes`)
    return ms
  }
  try {
    await seedLocalR2(PACK, manifest, await cluster.bucket(), createProgress('copy', process.stderr))
    await call(`load/${peer}/${STEADY}/1`)
    await load(STEADY, 1, null) // every page of the arena is touched before anything is timed
    for (let round = 0; round < rounds; round++) {
      samples.add('none', (await call(`load/${target}/0/1`)).ms)
      for (const count of COUNTS) {
        for (const [how, stride] of Object.entries(STRIDES)) {
          samples.add(`peer ${how} ${count}`, await load(count, stride, peer))
          samples.add(`r2 ${how} ${count}`, await load(count, stride, null))
        }
      }
      const { ms, answer } = await call<ProbeReport>(`probe/${target}/${COUNTS.at(-1)!}/${STRIDES.scattered}`)
      if (answer.failed.length > 0) throw new Error(`a probe failed: ${JSON.stringify(answer.failed)}`)
      samples.add('probe', ms)
    }
    return [...figures(samples), await measurePeak(call, target, peer)]
  } finally {
    await cluster.stop()
  }
}

function figures(samples: Samples): Outcome[] {
  const most = COUNTS.at(-1)!
  return [
    samples.figure('copy.order_ms', 'ms', 'none', 'an order of no experts: request, RPC and answer alone'),
    ...COUNTS.flatMap((count) =>
      Object.keys(STRIDES).flatMap((how) => [
        samples.figure(`copy.r2_ms.${how}.${count}`, 'ms', `r2 ${how} ${count}`, 'experts of 204 KiB from local R2, verified'),
        samples.figure(`copy.peer_ms.${how}.${count}`, 'ms', `peer ${how} ${count}`, 'the same from another host in the same workerd'),
        samples.ratio(`copy.peer_over_r2.${how}.${count}`, `peer ${how} ${count}`, `r2 ${how} ${count}`),
      ]),
    ),
    samples.figure(`copy.probe_ms.${most}`, 'ms', 'probe', 'checksums and a forward of each'),
  ]
}

/** Of a host that has `STEADY` experts and gets two more, from either side. */
async function measurePeak(call: <T>(path: string) => Promise<{ readonly answer: T }>, target: string, peer: string): Promise<Outcome> {
  const samples: number[] = []
  await call(`load/${peer}/${STEADY + 2}/1`)
  for (const from of ['', `/${peer}`]) {
    await call(`drop/${target}/${STEADY + 2}/1`)
    await call(`load/${target}/${STEADY}/1`)
    const { answer } = await call<LoadReport>(`load/${target}/${STEADY + 2}/1${from}`)
    samples.push(answer.peakBytes / answer.report.residentBytes)
  }
  const note = `${STEADY} experts of 204 KiB and two new ones, from R2 and from a peer, by the host's own account`
  return { id: 'copy.peak_over_steady', unit: RATIO, samples, note }
}
