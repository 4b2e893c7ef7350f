import { z } from 'zod'
import { POLICY_BOUNDS, POLICY_SOURCES } from '../../../shared/placement/policy.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'

/** A host's name is a script's. */
const hostName = z.string().min(1).max(63)

/** POST /admin/scale. Whether experts and hosts exist, the autoscaler knows. */
export const ScaleRequestBody = z.strictObject({
  dry_run: z.boolean().nullish(),
  experts: z
    .array(
      z
        .strictObject({
          layer: z.int().min(0).max(LIMITS.layersMax),
          expert: z.int().min(0).max(LIMITS.expertsMax),
          replicas: z.int().min(1).max(LIMITS.hostsMax).optional(),
          hosts: z.array(hostName).max(LIMITS.hostsMax).optional(),
        })
        .refine(({ replicas, hosts }) => replicas !== undefined || hosts !== undefined, 'needs replicas or hosts'),
    )
    .max(LIMITS.scaleExpertsMax)
    .nullish(),
})

type NumberField = keyof typeof POLICY_BOUNDS

const numberFields = Object.fromEntries(
  Object.entries(POLICY_BOUNDS).map(([field, { min, max, whole }]) => [field, (whole ? z.int() : z.number()).min(min).max(max).optional()]),
) as Record<NumberField, z.ZodOptional<z.ZodNumber>>

/** POST /admin/policy: the fields that change. */
export const PolicyRequest = z.strictObject({
  ...numberFields,
  enabled: z.boolean().optional(),
  standby: z.boolean().optional(),
  source: z.enum(POLICY_SOURCES).optional(),
})
