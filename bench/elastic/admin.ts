import type { AutoscalerState, ScaleAnswer, ScaleEvent, ScaleRequest } from '../../shared/protocol/autoscaler-api.ts'
import type { EngineState } from '../../shared/protocol/engine-api.ts'
import type { Policy } from '../../shared/placement/policy.ts'

export type ClusterState = EngineState & { readonly autoscaler: AutoscalerState }

/** The admin routes of one cluster. Throws where the answer is a refusal: a bench asks for nothing that may be refused. */
export interface Admin {
  state(): Promise<ClusterState>
  setPolicy(change: Partial<Policy>): Promise<void>
  scale(experts: ScaleRequest['experts'], options?: { readonly dryRun: boolean }): Promise<ScaleAnswer>
  /** The event when it has ended. */
  ended(event: number): Promise<ScaleEvent>
}

const POLL_MS = 20
const EVENT_MS_MAX = 60_000

export function adminOf(url: string): Admin {
  async function ask<T>(path: string, body?: object): Promise<T> {
    const request = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch(url + path, request)
    const answer: unknown = await response.json()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer).slice(0, 500)}`)
    return answer as T
  }
  const state = () => ask<ClusterState>('/admin/state')
  return {
    state,
    setPolicy: async (change) => void (await ask('/admin/policy', change)),
    scale: (experts, options) => ask<ScaleAnswer>('/admin/scale', { experts, dry_run: options?.dryRun ?? false }),
    async ended(id) {
      for (const giveUpMs = performance.now() + EVENT_MS_MAX; performance.now() < giveUpMs;) {
        const event = (await state()).autoscaler.events.find((each) => each.id === id)
        if (event && event.state !== 'running') return event
        await new Promise((done) => setTimeout(done, POLL_MS))
      }
      throw new Error(`scale event ${id} did not end within ${EVENT_MS_MAX} ms`)
    },
  }
}
