import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { REPOSITORY } from '../cli/repository.ts'
import { canonicalJson } from '../shared/protocol/canonical-json.ts'

/** What benches make and keep: synthetic models, state of local clusters. Safe to delete. */
export function benchFolder(): string {
  return join(REPOSITORY, '.isomoe/bench')
}

/** A folder name for what `inputs` determine. */
export function cacheKey(inputs: unknown): string {
  return createHash('sha256').update(canonicalJson(inputs)).digest('hex').slice(0, 16)
}
