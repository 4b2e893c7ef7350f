import { z } from 'zod'
import { LOCATION_HINTS, PROBE_LIMITS } from '../../shared/protocol/probe-api.ts'
import type { ProbeQuestion } from '../../shared/protocol/probe-api.ts'

const whole = (max: number) => z.int().min(1).max(max)
const L = PROBE_LIMITS
const passes = whole(L.passesMax)
const calls = whole(L.callsMax)

/** A question as it comes over HTTP: every amount bounded. */
export const Question: z.ZodType<ProbeQuestion> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sharing'), objects: whole(L.objectsMax) }),
  z.strictObject({ kind: z.literal('round-trip'), hint: z.enum(LOCATION_HINTS).nullable(), calls }),
  z.strictObject({ kind: z.literal('prepare-storage'), bytes: whole(L.storageBytesMax) }),
  z.strictObject({ kind: z.literal('storage'), rangeBytes: whole(L.rangeBytesMax), inFlight: whole(L.inFlightMax), reads: whole(L.readsMax) }),
  z.strictObject({ kind: z.literal('clean-storage') }),
  z.strictObject({ kind: z.literal('compute'), calls, passes }),
  z.strictObject({ kind: z.literal('wasm') }),
  z.strictObject({ kind: z.literal('clock'), passes }),
  z.strictObject({ kind: z.literal('cpu'), calls, passes }),
  z.strictObject({ kind: z.literal('memory'), maxMiB: whole(L.memoryMiBMax) }),
  z.strictObject({ kind: z.literal('signal'), name: z.string().regex(/^[0-9a-z-]{1,64}$/) }),
])
