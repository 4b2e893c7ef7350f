import type { LimiterApi } from '../../shared/protocol/limiter-api.ts'
import { admit, FRESH_STATE, renew, settle } from '../../workers/limiter/admission.ts'
import type { LimiterState } from '../../workers/limiter/admission.ts'

/** The limiter's objects without the platform: its own decisions, on a clock that the test moves. */
export class MemoryLimiters {
  nowMs = 1_800_000_000_000
  /** Calls of all objects, by method. */
  readonly calls: string[] = []
  /** What the next calls meet, first to last. */
  readonly faults: Error[] = []
  readonly #states = new Map<string, LimiterState>()

  state(name: string): LimiterState {
    return this.#states.get(name) ?? FRESH_STATE
  }

  of(name: string): LimiterApi {
    return {
      admit: async (limits, wanted) => {
        this.#called('admit')
        const { state, admission } = admit(this.state(name), this.nowMs, limits, wanted)
        this.#states.set(name, state)
        return admission
      },
      renew: async (lease) => {
        this.#called('renew')
        this.#states.set(name, renew(this.state(name), this.nowMs, lease))
      },
      settle: async (limits, lease, usedTokens) => {
        this.#called('settle')
        this.#states.set(name, settle(this.state(name), this.nowMs, limits, lease, usedTokens))
      },
    }
  }

  #called(method: string): void {
    this.calls.push(method)
    const fault = this.faults.shift()
    if (fault) throw fault
  }
}
