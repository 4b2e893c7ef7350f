import { z } from 'zod'
import { readJsonFile } from '../read-json-file.ts'

const ms = z.number().min(0).max(1e7)
const count = z.int().min(0).max(1e9)
const name = z.string().max(64)

const Times = z.strictObject({ calls: count, meanMs: ms, p50Ms: ms, p90Ms: ms })

/** What one kind of question found. A probe that was not asked for, or failed, is absent; failures are in `failed`. */
const Findings = z.strictObject({
  /** Objects by isolate: [objects in the fullest isolate, in the next, …]. */
  sharing: z.strictObject({ objectsOfOneClass: z.array(count).max(1024).readonly(), objectsOfScripts: z.array(count).max(1024).readonly() }).optional(),
  /** One caller, one callee, one call after the other. `hint`: where the callee was asked to be; null: wherever it came. */
  roundTrips: z
    .array(z.strictObject({ hint: name.nullable(), callerColo: name.nullable(), calleeColo: name.nullable(), session: Times, stub: Times }))
    .max(32)
    .optional(),
  /** Range reads of one object, `inFlight` at a time. */
  storage: z
    .array(z.strictObject({ rangeBytes: count, inFlight: count, reads: count, bytesPerS: z.number().min(0), rangeP50Ms: ms }))
    .max(32)
    .optional(),
  /** Weights a second of one isolate: q4 GEMV out of cache, by the caller's clock. */
  compute: z.strictObject({ kernels: name, weightsPerS: z.number().min(1), calls: count }).optional(),
  wasm: z.strictObject({ simd: z.boolean(), relaxedSimd: z.boolean() }).optional(),
  /** A span of compute: how far the isolate's own clock moved, and the caller's. */
  clock: z.strictObject({ ownMs: ms, callerMs: ms }).optional(),
  /** Compute in one session, call by call, until it broke or the bound was reached. */
  cpu: z.strictObject({ secondsPerCall: z.number().min(0), callsAnswered: count, callsAsked: count, brokenBy: z.string().max(256).nullable() }).optional(),
  /** Whether a request whose client left, and whose answer was not streamed, was told so. */
  signal: z.strictObject({ fired: z.boolean(), afterMs: ms.nullable() }).optional(),
  /** WASM memory that could be filled, in steps, until the isolate broke or the bound was reached. */
  memory: z.strictObject({ filledMiB: count, askedMiB: count, brokenBy: z.string().max(256).nullable() }).optional(),
})

/** What `isomoe probe` writes and `isomoe plan --probe` reads. SPEC CO8. */
export const ProbeResult = z.strictObject({
  format: z.literal('isomoe-probe'),
  version: z.literal(1),
  date: z.iso.datetime(),
  where: z.enum(['local', 'deployed']),
  colo: name.nullable(),
  findings: Findings,
  failed: z.array(z.strictObject({ probe: name, message: z.string().max(512) })).max(64),
})

export type ProbeResult = z.output<typeof ProbeResult>
export type ProbeFindings = ProbeResult['findings']

const FILE_BYTES_MAX = 1024 * 1024

/** Throws `probe-invalid` naming the field. */
export async function readProbe(path: string): Promise<ProbeResult> {
  return readJsonFile(path, ProbeResult, FILE_BYTES_MAX, 'probe-invalid')
}
