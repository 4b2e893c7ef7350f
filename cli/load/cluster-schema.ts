import { z } from 'zod'
import { PHASES } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'

const count = z.number().min(0)
const name = z.string().max(LIMITS.loadNameChars)
const nullable = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? null)
const eventState = z.enum(['running', 'done', 'failed'])
const hosts = <T extends z.ZodType>(host: T) => z.array(host).max(LIMITS.hostsMax)

/** What a load test reads of the autoscaler's account (AutoscalerState of shared/protocol). */
const AutoscalerAccount = z.object({
  placement: z.object({ layers: z.array(z.array(z.array(z.int().min(0)).max(LIMITS.hostsMax)).max(LIMITS.expertsMax)).max(LIMITS.layersMax) }),
  hosts: hosts(z.object({ host: name, state: z.enum(['warm', 'standby', 'lost']), report: nullable(z.object({ residentBytes: count })) })),
  events: z.array(z.object({ id: z.int(), state: eventState })).max(LIMITS.loadScaleEventsMax),
})

/** What it reads of GET /admin/state: the engine's account, and in it the autoscaler's. One that did not answer has an error in its place. */
export const ClusterState = z.object({
  epoch: z.number(),
  hosts: hosts(z.object({ host: name, isolateId: nullable(name), residentBytes: count, pairs: nullable(count) })),
  autoscaler: nullable(AutoscalerAccount).catch(null),
})

/** What it reads of a scale event (ScaleEvent of shared/protocol). */
export const ClusterEvent = z.object({
  id: z.int(),
  reason: z.string().max(64),
  fromEpoch: z.number(),
  toEpoch: z.number(),
  state: eventState,
  moves: z
    .array(z.object({ kind: z.enum(['load', 'drop']), layer: z.int(), expert: z.int(), host: name, bytes: count }))
    .max(LIMITS.layersMax * LIMITS.expertsMax),
  phases: z.array(z.object({ phase: z.enum(PHASES), startMs: z.number(), endMs: z.number().nullable(), bytes: count })).max(64),
})

export type ClusterState = z.output<typeof ClusterState>
export type ClusterEvent = z.output<typeof ClusterEvent>
