import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { ExpertOrder, ExpertRef, HostControl } from '../../shared/protocol/host-api.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import type { Expert } from '../../workers/expert/expert.ts'
import { readManifest } from '../../workers/r2-store.ts'

interface Env {
  readonly BUCKET: R2Bucket
  readonly MODEL_PREFIX: string
  readonly TIER: Tier
  readonly [host: `EXPERT_${string}`]: DurableObjectNamespace<Expert>
}

/**
 * In the place of the autoscaler: orders over RPC, each host in an isolate of its own, and measured from outside by the time that a request
 * takes. `<experts>` is how many, `<stride>` takes only every so manieth of the pack.
 *   /load/<binding>/<experts>/<stride>            from storage
 *   /load/<binding>/<experts>/<stride>/<binding>  from the second host, whose source goes through this Worker
 *   /probe/<binding>/<experts>/<stride>
 *   /drop/<binding>/<experts>/<stride>
 * Answers with the report of the call; one of another answer fails.
 */
export default {
  async fetch(request, env): Promise<Response> {
    const [what, host, count, stride, peer] = new URL(request.url).pathname.slice(1).split('/')
    const order = await orderOf(env, Number(count), Number(stride))
    const control = controlOf(env, host!)
    switch (what) {
      case 'load': {
        if (peer === undefined) return Response.json(must(await control.load(order, null)))
        const source = await controlOf(env, peer).source(order)
        try {
          return Response.json(must(await control.load(order, must(source))))
        } finally {
          ;(source as unknown as Disposable)[Symbol.dispose]()
        }
      }
      case 'probe':
        return Response.json(must(await control.probe(order)))
      case 'drop':
        return Response.json(must(await control.drop(order)))
      default:
        return new Response(null, { status: 404 })
    }
  },
} satisfies ExportedHandler<Env>

let manifest: Manifest | null = null

async function orderOf(env: Env, count: number, stride: number): Promise<ExpertOrder> {
  manifest ??= must(await readManifest(env.BUCKET, env.MODEL_PREFIX))
  const experts = manifest.experts.filter((_, i) => i % stride === 0 && i < count * stride).map(({ layer, expert }): ExpertRef => [layer, expert])
  return { protocolVersion: PROTOCOL_VERSION, digest: manifest.digest, tier: env.TIER, experts }
}

function controlOf(env: Env, binding: string): HostControl {
  return env[binding as `EXPERT_${string}`]!.getByName('host') as unknown as HostControl
}

function must<T>(result: Result<T, { readonly message: string }>): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}
