import type { Progress } from '../progress.ts'
import { askAll } from './ask-all.ts'
import type { ProbeName } from './ask-all.ts'
import type { ProbeOptions } from './command.ts'
import { withDeployedProbe } from './deployed-probe.ts'
import { withLocalProbe } from './local-probe.ts'
import type { ProbeClient } from './probe-client.ts'
import { ProbeResult } from './probe-result.ts'

export { dryRunProbe } from './deployed-probe.ts'

const COMPUTE_CALLS = 4

/** Asks, and gives what was found with where and when. SPEC CO9. */
export async function runProbe(options: ProbeOptions, names: readonly ProbeName[], progress: Progress): Promise<ProbeResult> {
  const sizes = {
    objects: options.objects,
    calls: options.calls,
    hints: options.hint,
    rangesMiB: options.range,
    reads: options.reads,
    computeCalls: COMPUTE_CALLS,
    cpuSeconds: options.cpuSeconds,
    cpuCalls: options.cpuCalls,
    memoryMiB: options.memoryMib,
  }
  const work = (client: ProbeClient) => askAll(client, names, sizes, progress)
  const { scripts: peers, bucket } = options
  const { findings, failed } = await (options.deploy ? withDeployedProbe({ peers, bucket, progress }, work) : withLocalProbe(peers, work))
  return ProbeResult.parse({
    format: 'isomoe-probe',
    version: 1,
    date: new Date().toISOString(),
    where: options.deploy ? 'deployed' : 'local',
    colo: findings.roundTrips?.[0]?.callerColo ?? null,
    findings,
    failed,
  })
}
