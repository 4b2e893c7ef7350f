import { z } from 'zod'
import { POLICY_BOUNDS, POLICY_SOURCES } from '../../../../shared/placement/policy.ts'
import { PHASES } from '../../../../shared/protocol/autoscaler-api.ts'

const count = z.int().min(0)
const move = z.object({ kind: z.enum(['load', 'drop']), layer: count, expert: count, host: z.string(), bytes: count })

/** One change of the placement. */
export const ScaleEventObject = z
  .object({
    id: count,
    reason: z.enum(['load', 'manual', 'lost-host', 'base']),
    fromEpoch: count,
    toEpoch: count,
    moves: z.array(move),
    phases: z.array(z.object({ phase: z.enum(PHASES), startMs: z.number(), endMs: z.number().nullable(), bytes: count })),
    state: z.enum(['running', 'done', 'failed']),
    error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'ScaleEvent' })

export const ScaleAnswer = z
  .object({
    moves: z.array(move),
    predicted: z.object({ beforeMs: z.number(), afterMs: z.number() }).nullable(),
    event: ScaleEventObject.nullable().meta({ description: 'Null for a dry run, and where there is nothing to do.' }),
  })
  .meta({ id: 'ScaleAnswer' })

const numberFields = Object.fromEntries(Object.entries(POLICY_BOUNDS).map(([field, { min, max }]) => [field, z.number().min(min).max(max)]))

export const PolicyAnswer = z.object({ ...numberFields, enabled: z.boolean(), standby: z.boolean(), source: z.enum(POLICY_SOURCES) }).meta({ id: 'Policy' })

/** The fields that dashboards read; there are more, and more may come. */
export const AdminState = z
  .looseObject({
    status: z.looseObject({ state: z.enum(['loading', 'ready', 'failed']) }),
    isolateId: z.string(),
    epoch: count,
    oldestEpoch: count,
    lanes: count,
    running: count,
    waiting: count,
    kvPagesUsed: count,
    kvPagesCached: count,
    kvPagesTotal: count,
    cachedTokens: count,
    preemptions: count,
    steps: count,
    memoryBytes: count,
    hosts: z.array(
      z.looseObject({
        host: z.string(),
        isolateId: z.string().nullable(),
        residentBytes: count,
        arenaBytes: count,
        residentExperts: count,
        assignedExperts: count,
      }),
    ),
    autoscaler: z.looseObject({}).meta({ description: 'The autoscaler’s account of itself, or `{error}` where it does not answer.' }),
  })
  .meta({ id: 'AdminState' })
