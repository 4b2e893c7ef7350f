import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { experimental_readRawConfig } from 'wrangler'
import { startLocalCluster } from '../../cli/dev/local-cluster.ts'
import type { LocalCluster } from '../../cli/dev/local-cluster.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { MIB } from '../../shared/protocol/limits.ts'
import { thenStopAll } from '../cluster/stop-all.ts'
import type { BenchOptions, BenchResult } from '../figures.ts'
import { Samples } from '../samples.ts'

/** A decode's frame and its rows in a model of hidden 1024, about. */
const FRAME_BYTES = 2048
const ROWS_BYTES = 8192
const COMPUTE_MS = 10
const LAYOUTS = ['one', 'between'] as const
type Layout = (typeof LAYOUTS)[number]

interface Sizes {
  readonly rounds: number
  readonly calls: number
  readonly computes: number
  readonly mib: number
}

interface Bench {
  readonly cluster: LocalCluster
  ask<T>(method: string, ...args: unknown[]): Promise<T>
}

/**
 * What crosses the border between two workerd processes of `isomoe dev --processes`, and what it costs beside the same in one process. A
 * caller stands for the engine, two callees for hosts. Whatever does not cross throws.
 */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const sizes: Sizes = quick ? { rounds: 1, calls: 100, computes: 2, mib: 4 } : { rounds: 7, calls: 2000, computes: 20, mib: 64 }
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-bench-'))
  const samples = new Samples()
  const stops: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })]
  return thenStopAll(stops, async () => {
    const benches = new Map<Layout, Bench>()
    for (const layout of LAYOUTS) benches.set(layout, await startBench(join(folder, layout), layout, stops))
    for (let round = 0; round < sizes.rounds; round++) {
      for (const [layout, bench] of benches) await measureRound(bench, layout, sizes, samples)
    }
    for (let round = 0; round < sizes.rounds; round++) await measureOutage(join(folder, `outage-${round}`), samples)
    return { outcomes: figuresOf(samples) }
  })
}

async function measureRound({ ask }: Bench, layout: Layout, { calls, computes, mib }: Sizes, samples: Samples): Promise<void> {
  const time = async (want: number, method: string, ...args: unknown[]): Promise<number> => {
    const begin = performance.now()
    const got = await ask<number>(method, ...args)
    const ms = performance.now() - begin
    if (got !== want) throw new Error(`${method} gave ${got}, not ${want}`)
    return ms
  }
  await time(2, 'open')
  samples.add(`call.${layout}`, ((await time(calls * ROWS_BYTES, 'calls', calls, FRAME_BYTES, ROWS_BYTES)) * 1000) / calls)
  samples.add(`callback.${layout}`, ((await time(calls, 'callBack', calls)) * 1000) / calls)
  samples.add(`parallel.${layout}`, (2 * computes * COMPUTE_MS) / (await time(computes, 'compute', computes, COMPUTE_MS)))
  samples.add(`stream.${layout}`, (mib * 1000) / (await time(mib * MIB, 'stream', mib, MIB)))
  samples.add(`peer.${layout}`, (mib * 1000) / (await time(mib * MIB, 'peer', mib, MIB)))
}

/** A callee's process is killed while it is called. Each round in processes of its own: one that is lost again waits before it starts. */
async function measureOutage(folder: string, samples: Samples): Promise<void> {
  const stops: (() => unknown)[] = []
  await thenStopAll(stops, async () => killCallee(await startBench(folder, 'between', stops), samples))
}

async function killCallee({ cluster, ask }: Bench, samples: Samples): Promise<void> {
  await ask('open')
  const watched = ask<{ lostAtMs: number; backAtMs: number }>('outage')
  const { pid } = cluster.processes().find(({ scripts }) => scripts.includes('bench-callee-0'))!
  const killedAtMs = Date.now()
  process.kill(pid, 'SIGKILL')
  const { lostAtMs, backAtMs } = await watched
  samples.add('lost', lostAtMs - killedAtMs)
  samples.add('back', backAtMs - killedAtMs)
}

function figuresOf(samples: Samples) {
  const both = (id: string, unit: string, name: string, note: string) =>
    LAYOUTS.map((layout) => samples.figure(`processes.${id}.${layout}`, unit, `${name}.${layout}`, note))
  return [
    ...both('call_us', 'us', 'call', `RpcTarget session, ${FRAME_BYTES} bytes there and ${ROWS_BYTES} back`),
    samples.ratio('processes.call_between_over_one', 'call.between', 'call.one'),
    ...both('callback_us', 'us', 'callback', 'a stub that the caller handed over, called later'),
    ...both('parallel', 'threads', 'parallel', `two callees compute ${COMPUTE_MS} ms each at the same time`),
    ...both('stream_mib_s', 'MiB/s', 'stream', 'a ReadableStream as a result, in parts of 1 MiB'),
    ...both('peer_mib_s', 'MiB/s', 'peer', "one callee reads from the other's session, handed on by the caller, 1 MiB a call"),
    samples.figure('processes.lost_ms', 'ms', 'lost', 'from SIGKILL to the failure of the call under way'),
    samples.figure('processes.back_ms', 'ms', 'back', 'from SIGKILL to a session with the process that was started again'),
  ]
}

async function startBench(folder: string, layout: Layout, stops: (() => unknown)[]): Promise<Bench> {
  const [caller, ...callees] = await writeConfigs(join(folder, 'configs'))
  const workerLog: string[] = []
  const cluster = await startLocalCluster({
    processes: layout === 'one' ? [[caller!, ...callees]] : [[caller!], ...callees.map((callee) => [callee])],
    wasmAlias: new Map(),
    statePath: folder,
    onLog: ({ level, message }) => workerLog.push(`${level} ${message}`),
  })
  stops.push(() => cluster.stop())
  await cluster.startOthers()
  const bench: Bench = {
    cluster,
    async ask<T>(method: string, ...args: unknown[]): Promise<T> {
      const response = await fetch(`http://127.0.0.1:${cluster.port()}/`, { method: 'POST', body: JSON.stringify({ method, args }) })
      if (!response.ok) throw new Error(`${method}: ${await response.text()}\n${workerLog.join('\n')}`)
      return (await response.json()) as T
    },
  }
  await untilReached(bench)
  return bench
}

/** Processes hear of each other a moment after they run. */
async function untilReached({ ask }: Bench): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await ask('open')
      return
    } catch (error) {
      if (tries === 200) throw error
      await setImmediate()
    }
  }
}

/** The caller's first: it gets the port. */
async function writeConfigs(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const { rawConfig } = experimental_readRawConfig({ config: join(REPOSITORY, 'workers/expert/wrangler.toml') })
  const { compatibility_date, r2_buckets } = rawConfig
  const callees = [0, 1].map((index) => ({ name: `bench-callee-${index}`, class_name: 'Callee' }))
  const script = (name: string, main: string, bindings: readonly object[], className: string) => ({
    name,
    main: join(import.meta.dirname, main),
    compatibility_date,
    r2_buckets,
    durable_objects: { bindings },
    migrations: [{ tag: 'v1', new_sqlite_classes: [className] }],
  })
  const calleeBindings = callees.map(({ name, class_name }, index) => ({ name: `CALLEE_${index}`, class_name, script_name: name }))
  const configs = [
    script('bench-caller', 'caller-worker.ts', [{ name: 'CALLER', class_name: 'Caller' }, ...calleeBindings], 'Caller'),
    ...callees.map(({ name, class_name }) => script(name, 'callee-worker.ts', [{ name: 'SELF', class_name }], 'Callee')),
  ]
  return Promise.all(
    configs.map(async (config) => {
      const path = join(folder, `${config.name}.json`)
      await writeFile(path, JSON.stringify(config))
      return path
    }),
  )
}
