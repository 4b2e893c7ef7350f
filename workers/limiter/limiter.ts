import { DurableObject } from 'cloudflare:workers'
import type { Admission, LimiterApi, RateLimits, Wanted } from '../../shared/protocol/limiter-api.ts'
import { admit, renew, settle } from './admission.ts'
import type { LimiterState } from './admission.ts'
import { limiterStore } from './limiter-store.ts'
import type { LimiterStore } from './limiter-store.ts'

/** Counts for one key; the object is named by it. The object wires; admission.ts decides. No await between reading and writing: calls cannot overlap. */
export class Limiter extends DurableObject implements LimiterApi {
  private readonly store: LimiterStore
  private state: LimiterState

  constructor(context: DurableObjectState, env: unknown) {
    super(context, env as never)
    this.store = limiterStore(context.storage.kv)
    this.state = this.store.read()
  }

  async admit(limits: RateLimits, wanted: Wanted): Promise<Admission> {
    const { state, admission } = admit(this.state, Date.now(), limits, wanted)
    this.keep(state)
    return admission
  }

  async renew(lease: string): Promise<void> {
    this.keep(renew(this.state, Date.now(), lease))
  }

  async settle(limits: RateLimits, lease: string, usedTokens: number): Promise<void> {
    this.keep(settle(this.state, Date.now(), limits, lease, usedTokens))
  }

  /** The platform holds the answer back until the write is kept: what was admitted stays counted, whatever happens to the object. */
  private keep(state: LimiterState): void {
    this.store.write(this.state, state)
    this.state = state
  }
}

export default {
  /** The limiter is reached over RPC only. */
  fetch: () => new Response('the limiter has no HTTP interface\n', { status: 404 }),
} satisfies ExportedHandler
