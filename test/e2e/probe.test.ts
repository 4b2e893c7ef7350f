import { expect, it } from 'vitest'
import { askAll } from '../../cli/probe/ask-all.ts'
import { dryRunProbe } from '../../cli/probe/deployed-probe.ts'
import { withLocalProbe } from '../../cli/probe/local-probe.ts'
import type { Progress } from '../../cli/progress.ts'

const SIZES = { objects: 4, calls: 10, hints: [], rangesMiB: [1], reads: 2, computeCalls: 1, cpuSeconds: 0.01, cpuCalls: 2, memoryMiB: 8 }
const SILENT: Progress = { start: () => undefined, advance: () => undefined, warn: () => undefined, stop: () => undefined }

it('[CO9] the probe answers in workerd what it would ask of the platform, and only who has its token', async () => {
  await withLocalProbe(2, async (client, url) => {
    const { findings, failed } = await askAll(
      client,
      ['sharing', 'round-trip', 'storage', 'compute', 'wasm', 'clock', 'signal', 'cpu', 'memory'],
      SIZES,
      SILENT,
    )
    expect(failed).toEqual([])
    // A script is an isolate: its objects share it, other scripts have their own.
    expect(findings.sharing).toEqual({ objectsOfOneClass: [4], objectsOfScripts: [1, 1] })
    expect(findings.storage!.map(({ inFlight, reads }) => [inFlight, reads])).toEqual([
      [1, 2],
      [4, 2],
    ])
    expect(findings).toMatchObject({ wasm: { simd: true, relaxedSimd: true }, signal: { fired: true }, memory: { filledMiB: 8, brokenBy: null } })
    expect(findings.cpu).toMatchObject({ callsAnswered: 2, callsAsked: 2, brokenBy: null })
    expect(findings.compute!.weightsPerS).toBeGreaterThan(0)
    for (const authorization of [undefined, 'Bearer x', `Bearer ${'0'.repeat(64)}`]) {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await fetch(`${url}/ask`, { method: 'POST', headers, body: '{"kind":"wasm"}' })
      expect([answer.status, await answer.text()]).toEqual([404, 'not found\n'])
    }
    await expect(client.ask({ kind: 'sharing', objects: 1e6 })).rejects.toMatchObject({ code: 'probe-refused' })
  })
})

it("[CO9] wrangler's own dry run takes the scripts as they would be deployed", async () => {
  const said = await dryRunProbe(1, 'some-bucket')
  expect(said).toContain('env.PEER_1 (Probe, defined in isomoe-probe-peer-1)')
  expect(said).toContain('some-bucket')
})
