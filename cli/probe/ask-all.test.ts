import { expect, it } from 'vitest'
import type { ProbeAnswers, ProbeQuestion } from '../../shared/protocol/probe-api.ts'
import type { Progress } from '../progress.ts'
import { askAll, PROBES, PROBES_DEFAULT } from './ask-all.ts'
import type { ProbeSizes } from './ask-all.ts'
import { deployedUrl } from '../wrangler.ts'
import type { ProbeClient } from './probe-client.ts'
import { describeProbe } from './probe-report.ts'
import { ProbeResult } from './probe-result.ts'

const SIZES: ProbeSizes = {
  objects: 8,
  calls: 10,
  hints: ['weur'],
  rangesMiB: [1, 4],
  reads: 2,
  computeCalls: 2,
  cpuSeconds: 2,
  cpuCalls: 3,
  memoryMiB: 64,
}
const SILENT: Progress = { start: () => undefined, advance: () => undefined, warn: () => undefined, stop: () => undefined }
const TIMES = { calls: 10, meanMs: 0.5, p50Ms: 0, p90Ms: 1 }

/** A platform whose storage does not answer and whose sessions have a budget of three seconds. */
function platform() {
  const asked: ProbeQuestion[] = []
  const rate = 10e9
  const answers: { readonly [K in ProbeQuestion['kind']]: (question: Extract<ProbeQuestion, { kind: K }>) => ProbeAnswers[K] } = {
    sharing: ({ objects }) => ({ objectsOfOneClass: [objects - 1, 1], objectsOfScripts: [1, 1] }),
    'round-trip': () => ({ callerColo: 'FRA', calleeColo: 'AMS', session: TIMES, stub: TIMES }),
    'prepare-storage': ({ bytes }) => ({ bytes }),
    storage: () => {
      throw new Error('R2 is away')
    },
    'clean-storage': () => ({}),
    compute: ({ calls }) => ({ kernels: 'plain', weightsPerS: rate, calls }),
    wasm: () => ({ simd: true, relaxedSimd: false }),
    clock: () => ({ ownMs: 0, callerMs: 40 }),
    cpu: ({ calls }) => ({ callsAnswered: 1, callsAsked: calls, callerMs: 2000, brokenBy: 'Error: exceeded CPU' }),
    memory: ({ maxMiB }) => ({ filledMiB: maxMiB, askedMiB: maxMiB, brokenBy: null }),
    signal: () => ({ fired: true, afterMs: 501 }),
  }
  const client: ProbeClient = {
    async ask(question) {
      asked.push(question)
      return answers[question.kind](question as never) as never
    },
    leave: async () => undefined,
  }
  return { asked, client }
}

async function probeAll(names: Parameters<typeof askAll>[1]) {
  const { asked, client } = platform()
  const { findings, failed } = await askAll(client, names, SIZES, SILENT)
  const result = ProbeResult.parse({ format: 'isomoe-probe', version: 1, date: '2026-11-22T10:00:00Z', where: 'deployed', colo: 'FRA', findings, failed })
  return { asked, result }
}

it('[CO9] asks all, names what failed and goes on; the object it wrote is deleted all the same', async () => {
  const { asked, result } = await probeAll(PROBES)
  expect(result.failed).toEqual([{ probe: 'storage', message: 'R2 is away' }])
  expect(asked.map(({ kind }) => kind)).toContain('clean-storage')
  expect(Object.keys(result.findings).toSorted()).toEqual(['clock', 'compute', 'cpu', 'memory', 'roundTrips', 'sharing', 'signal', 'wasm'])
  expect(result.findings.roundTrips!.map(({ hint }) => hint)).toEqual([null, 'weur'])
  const { secondsPerCall, brokenBy } = result.findings.cpu!
  expect(secondsPerCall).toBeCloseTo(2, 2)
  expect(brokenBy).toBe('Error: exceeded CPU')
})

it('[CO9] what may break an isolate is asked by name only', async () => {
  const { asked } = await probeAll(PROBES_DEFAULT)
  expect(asked.map(({ kind }) => kind).filter((kind) => kind === 'cpu' || kind === 'memory')).toEqual([])
})

it('[CO9] the text has a line for each finding and each failure', async () => {
  const text = describeProbe((await probeAll(PROBES)).result)
  expect(text).toMatch(/^Probed deployed in FRA/)
  expect(text).toContain('8 objects in 2 isolates, at most 7 in one')
  expect(text).toContain('relaxed SIMD no')
  expect(text).toContain('clock: 0 ms by an isolate that computed, 40 ms by the one that waited')
  expect(text).toContain('cpu: 1 of 3 calls of 2.0 s in one session, then: Error: exceeded CPU')
  expect(text).toContain('failed: storage: R2 is away')
})

it('[CO9] the address is the one that wrangler says', () => {
  expect(deployedUrl('Uploaded isomoe-probe\n  https://isomoe-probe.some-name.workers.dev\nCurrent Version ID: 1')).toBe(
    'https://isomoe-probe.some-name.workers.dev',
  )
  expect(deployedUrl('Uploaded isomoe-probe-peer-1\nNo targets deployed')).toBeNull()
})
