import type { AutoscalerState, ScaleEvent, ScaleRequest } from '../../shared/protocol/autoscaler-api.ts'
import type { AdminApi } from '../../workers/gateway/deps.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { MetricsSnapshot } from '../../shared/protocol/metrics-api.ts'
import { NO_REQUEST_WORK } from '../../shared/protocol/request-work.ts'
import { noCounters } from '../../workers/autoscaler/counters.ts'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { Policy } from '../../shared/placement/policy.ts'
import { createEventListeners } from '../../workers/autoscaler/event-listeners.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'

export const NOTHING_COUNTED: MetricsSnapshot = {
  model: 'isomoe-demo',
  epoch: 1,
  requests: NO_REQUEST_WORK,
  steps: 0,
  stepSumMs: 0,
  engines: [],
  layers: [],
  hosts: [],
  scale: noCounters('isomoe-demo').scale,
}

/** An autoscaler without hosts: its policy, its history and its listeners are real, and no plan changes anything. */
export class FakeAutoscaler implements AdminApi {
  readonly history: ScaleEvent[] = []
  readonly listeners = createEventListeners()
  readonly requests: ScaleRequest[] = []
  policy = POLICY_DEFAULT
  /** What it has counted. */
  snapshot = NOTHING_COUNTED
  /** What the next call answers; or throws, where it is lost. */
  refusal: MoeError | null = null
  isLost = false

  private answer<T>(value: T): Result<T, MoeError> {
    if (this.isLost) throw new Error('Network connection lost.')
    const { refusal } = this
    this.refusal = null
    return refusal ? { ok: false, error: refusal } : ok(value)
  }

  async state() {
    const placement = { epoch: 3, hosts: [], base: [], layers: [] }
    const state: AutoscalerState = { epoch: 3, placement, policy: this.policy, load: [], hosts: [], engines: [], step: null, cost: null, events: this.history }
    return this.answer(state)
  }

  async metrics() {
    return this.answer(this.snapshot)
  }

  async events(fromId: number) {
    this.answer(null)
    return this.listeners.open(this.history.filter(({ id }) => id >= fromId))
  }

  async scale(request: ScaleRequest) {
    this.requests.push(request)
    return this.answer({ moves: [], predicted: null, event: null })
  }

  async setPolicy(change: Partial<Policy>) {
    const next = { ...this.policy, ...change }
    const answer = this.answer(next)
    if (answer.ok) this.policy = next
    return answer
  }
}
