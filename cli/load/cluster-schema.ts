import { z } from 'zod'
import { PHASES } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'

const count = z.number().min(0)
const nullable = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? null)
const eventState = z.enum(['running', 'done', 'failed'])

/** What a load test reads of an autoscaler's account, or of an engine's, which says less. */
const ClusterState = z.object({
  epoch: z.number(),
  placement: z
    .object({
      layers: z.array(z.array(z.array(z.int().min(0)).max(LIMITS.hostsMax)).max(LIMITS.expertsMax)).max(LIMITS.layersMax),
    })
    .nullish(),
  hosts: z
    .array(
      z.object({
        host: z.string().max(LIMITS.loadNameChars),
        state: nullable(z.enum(['warm', 'standby', 'lost'])),
        isolateId: nullable(z.string().max(LIMITS.loadNameChars)),
        residentBytes: nullable(count),
        report: nullable(z.object({ residentBytes: count, work: nullable(z.object({ pairs: count })) })),
      }),
    )
    .max(LIMITS.hostsMax),
  /** Those that it keeps. */
  events: z
    .array(z.object({ id: z.int(), state: eventState }))
    .max(LIMITS.loadScaleEventsMax)
    .nullish(),
})

/** What it reads of a scale event (ScaleEvent of shared/protocol). */
export const ClusterEvent = z.object({
  id: z.int(),
  reason: z.string().max(64),
  fromEpoch: z.number(),
  toEpoch: z.number(),
  state: eventState,
  moves: z
    .array(z.object({ kind: z.enum(['load', 'drop']), layer: z.int(), expert: z.int(), host: z.string(), bytes: count }))
    .max(LIMITS.layersMax * LIMITS.expertsMax),
  phases: z.array(z.object({ phase: z.enum(PHASES), startMs: z.number(), endMs: z.number().nullable(), bytes: count })).max(64),
})

export type ClusterState = z.output<typeof ClusterState>
export type ClusterEvent = z.output<typeof ClusterEvent>

/** Reads GET /admin/state: the autoscaler's account that lies in the engine's; where that one did not answer, the engine's own. Null where it is neither. */
export function readClusterState(body: unknown): ClusterState | null {
  const inner = z.object({ autoscaler: ClusterState }).safeParse(body)
  return inner.success ? inner.data.autoscaler : (ClusterState.safeParse(body).data ?? null)
}
