import { DurableObject } from 'cloudflare:workers'
import { PLACEMENT_SHAPES } from '../../shared/placement/base-placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { readManifest } from '../r2-store.ts'
import { namesSetting, oneOfSetting, tierSetting, wholeSetting } from '../settings.ts'
import { currentPlacement } from './current-placement.ts'
import type { AutoscalerEnv } from './env.ts'
import { sqlPlacementStore } from './placement-store.ts'

/** Owns the placement table and hands it to engines. Never on the request path. */
export class Autoscaler extends DurableObject<AutoscalerEnv> {
  /** The table that an engine starts with. */
  async placement(): Promise<Result<Placement, MoeError>> {
    const { BUCKET, MODEL_PREFIX, TIER, HOSTS, ARENA_BYTES, PLACEMENT } = this.env
    const arenaBytes = wholeSetting('ARENA_BYTES', ARENA_BYTES)
    const hosts = namesSetting('HOSTS', HOSTS).map((host) => ({ host, arenaBytes }))
    const shape = oneOfSetting('PLACEMENT', PLACEMENT, PLACEMENT_SHAPES)
    const manifest = await readManifest(BUCKET, MODEL_PREFIX)
    if (!manifest.ok) return manifest
    return currentPlacement(sqlPlacementStore(this.ctx.storage.sql), { manifest: manifest.value, tier: tierSetting(TIER), hosts, shape })
  }
}

export default {
  /** The autoscaler is reached over RPC only. */
  fetch: () => new Response('the autoscaler has no HTTP interface\n', { status: 404 }),
} satisfies ExportedHandler<AutoscalerEnv>
