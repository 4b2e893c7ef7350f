import { DurableObject } from 'cloudflare:workers'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { isTier } from '../../shared/protocol/tiers.ts'
import { readManifest } from '../r2-store.ts'
import { currentPlacement } from './current-placement.ts'
import type { AutoscalerEnv } from './env.ts'
import { sqlPlacementStore } from './placement-store.ts'

/** Owns the placement table and hands it to engines. Never on the request path. */
export class Autoscaler extends DurableObject<AutoscalerEnv> {
  /** The table that an engine starts with. */
  async placement(): Promise<Result<Placement, MoeError>> {
    const { BUCKET, MODEL_PREFIX, TIER, HOSTS, ARENA_BYTES, PLACEMENT } = this.env
    if (!isTier(TIER)) return fail('hello-mismatch', `TIER is ${TIER}`, { field: 'tier', want: 'q8, q4 or f32', got: TIER })
    const manifest = await readManifest(BUCKET, MODEL_PREFIX)
    if (!manifest.ok) return manifest
    const hosts = (JSON.parse(HOSTS) as string[]).map((host) => ({ host, arenaBytes: Number(ARENA_BYTES) }))
    const shape: PlacementShape = PLACEMENT === 'spread' ? 'spread' : 'packed'
    return currentPlacement(sqlPlacementStore(this.ctx.storage.sql), { manifest: manifest.value, tier: TIER, hosts, shape })
  }
}

export default {
  /** The autoscaler is reached over RPC only. */
  fetch: () => new Response('the autoscaler has no HTTP interface\n', { status: 404 }),
} satisfies ExportedHandler<AutoscalerEnv>
