import { formatBytes, formatTable } from '../table.ts'
import type { ProbeResult } from './probe-result.ts'

/** What was found, in words: one paragraph a question. */
export function describeProbe({ where, colo, date, findings, failed }: ProbeResult): string {
  const { sharing, roundTrips, storage, compute, wasm, clock, signal, cpu, memory } = findings
  const place = where === 'local' ? 'in workerd on this machine, which says nothing of the platform' : `deployed${colo === null ? '' : ` in ${colo}`}`
  const lines = [`Probed ${place}, ${date}.`]
  if (sharing) {
    lines.push(`isolates: ${spread(sharing.objectsOfOneClass)} one class`, `          ${spread(sharing.objectsOfScripts)} a script each`)
  }
  if (roundTrips) {
    const rows = roundTrips.map(({ hint, calleeColo, session, stub }) => [
      `${hint ?? 'no hint'}${calleeColo === null ? '' : ` (${calleeColo})`}`,
      ...[session.meanMs, session.p50Ms, session.p90Ms, stub.meanMs, stub.p50Ms, stub.p90Ms].map((ms) => String(Number(ms.toPrecision(3)))),
    ])
    lines.push(formatTable([['round trip, ms', 'session', 'p50', 'p90', 'stub', 'p50', 'p90'], ...rows]).trimEnd())
  }
  if (storage) {
    const rows = storage.map(({ rangeBytes, inFlight, bytesPerS, rangeP50Ms }) => [
      formatBytes(rangeBytes),
      String(inFlight),
      `${formatBytes(Math.round(bytesPerS))}/s`,
      rangeP50Ms.toFixed(0),
    ])
    lines.push(formatTable([['range of R2', 'in flight', 'throughput', 'p50 ms'], ...rows]).trimEnd())
  }
  if (compute) lines.push(`speed: ${(compute.weightsPerS / 1e9).toPrecision(3)} G weights/s of an isolate at q4, out of cache (${compute.kernels} kernels)`)
  if (wasm) lines.push(`wasm: SIMD ${yes(wasm.simd)}, relaxed SIMD ${yes(wasm.relaxedSimd)}`)
  if (clock) lines.push(`clock: ${clock.ownMs} ms by an isolate that computed, ${clock.callerMs} ms by the one that waited`)
  if (signal) lines.push(`signal: a client that left was ${signal.fired ? `noticed after ${signal.afterMs} ms` : 'not noticed'} (answer not streamed)`)
  if (cpu) lines.push(`cpu: ${cpu.callsAnswered} of ${cpu.callsAsked} calls of ${cpu.secondsPerCall.toPrecision(2)} s in one session${broken(cpu.brokenBy)}`)
  if (memory) lines.push(`memory: ${memory.filledMiB} of ${memory.askedMiB} MiB filled${broken(memory.brokenBy)}`)
  for (const { probe, message } of failed) lines.push(`failed: ${probe}: ${message}`)
  return `${lines.join('\n')}\n`
}

function spread(counts: readonly number[]): string {
  const objects = counts.reduce((sum, count) => sum + count, 0)
  return `${objects} objects in ${counts.length} isolates, at most ${counts[0] ?? 0} in one:`
}

function broken(by: string | null): string {
  return by === null ? ', none broke' : `, then: ${by}`
}

function yes(is: boolean): string {
  return is ? 'yes' : 'no'
}
