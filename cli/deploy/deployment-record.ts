import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { parseJson } from '../load/fetch-text.ts'
import { PARTS } from './deploy-plan.ts'
import type { ObjectStore } from './object-store.ts'

const ScriptSchema = z.strictObject({
  script: z.string(),
  part: z.enum(PARTS),
  generation: z.string().nullable(),
  digest: z.string().nullable(),
  binds: z.array(z.string()).max(LIMITS.scriptsMax).readonly(),
  reaches: z.array(z.string()).max(LIMITS.scriptsMax).readonly(),
  retiredAt: z.iso.datetime().nullable(),
})

/** What is known to be deployed. */
export const DeploymentRecord = z.strictObject({
  format: z.literal('isomoe-deployment'),
  version: z.literal(1),
  name: z.string(),
  bucket: z.string(),
  /** Packs that were uploaded for it: their prefixes. */
  packs: z.array(z.string()).readonly(),
  /** Where the gateway answers; null: not known. */
  url: z.string().nullable(),
  scripts: z
    .array(ScriptSchema)
    .max(2 * LIMITS.scriptsMax)
    .readonly(),
})
export type DeploymentRecord = z.output<typeof DeploymentRecord>

export const RECORD_BYTES_MAX = 4 * 1024 * 1024
export const RECORDS_PREFIX = 'deployments/'

export function emptyRecord(name: string, bucket: string): DeploymentRecord {
  return { format: 'isomoe-deployment', version: 1, name, bucket, packs: [], url: null, scripts: [] }
}

export function recordKey(name: string): string {
  return `${RECORDS_PREFIX}${name}.json`
}

export function parseRecord(bytes: Uint8Array, where: string): DeploymentRecord {
  const parsed = DeploymentRecord.safeParse(parseJson(new TextDecoder().decode(bytes)))
  if (parsed.success) return parsed.data
  throw new CliError('deploy-refused', `${where} is no record of a deployment: ${parsed.error.issues[0]!.path.join('.')} ${parsed.error.issues[0]!.message}`)
}

/** A deployment's record, for one command. */
export interface OpenRecord {
  readonly record: DeploymentRecord
  /** Null: there was none. */
  readonly found: boolean
  save(record: DeploymentRecord): Promise<void>
  remove(): Promise<void>
}

/**
 * Opens the record in the bucket: there any machine finds it. Each save goes over what was read or saved last; where another command was in between it is refused, so two
 * deploys of one name cannot mix. A copy is written to `copy`, for people. SPEC DP9.
 */
export async function openRecord(store: ObjectStore, name: string, bucket: string, copy: string): Promise<OpenRecord> {
  const key = recordKey(name)
  const stored = await store.get(key, RECORD_BYTES_MAX)
  let etag = stored?.etag ?? null
  return {
    record: stored === null ? emptyRecord(name, bucket) : parseRecord(stored.body, key),
    found: stored !== null,
    async save(record) {
      const text = `${JSON.stringify(record, null, 2)}\n`
      const saved = await store.put(key, new TextEncoder().encode(text), etag)
      if (saved === null) throw new CliError('deploy-refused', `${key} was changed by another command meanwhile: run this one again when that has ended`)
      etag = saved
      await mkdir(dirname(copy), { recursive: true })
      await writeFile(copy, text)
    },
    remove: () => store.delete(key),
  }
}
