import type { AutoscalerApi } from '../../shared/protocol/autoscaler-api.ts'
import type { SetTimer } from '../../shared/protocol/deadlines.ts'
import type { EngineApi } from '../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { LimiterApi } from '../../shared/protocol/limiter-api.ts'
import type { GrammarApi } from '../../shared/protocol/grammar-api.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { LogError } from '../log.ts'
import type { AccessSettings } from './access/access-settings.ts'
import type { TimingSafeEqual } from './access/find-key.ts'
import type { ContextTokens } from './generate/context-tokens.ts'
import type { LoadedModel } from './model/loaded-model.ts'
import type { RequestLog } from './request-log/request-log.ts'
import type { PageAsset } from './routes/page.ts'

export type AdminApi = Pick<AutoscalerApi, 'state' | 'metrics' | 'events' | 'scale' | 'setPolicy'>

/** All that the gateway does not do itself. gateway.ts wires the platform's, tests wire their own. */
export interface GatewayDeps {
  /** Who may call. */
  readonly access: AccessSettings
  readonly timingSafeEqual: TimingSafeEqual
  /** Who counts for the key of this name. */
  readonly limiter: (keyName: string) => LimiterApi
  readonly engine: EngineApi
  /** What operators ask of it; engines have their own way to it. */
  readonly autoscaler: AdminApi
  /** Says whether a response format can be enforced, and why not. Engines open sessions themselves. */
  readonly grammar: Pick<GrammarApi, 'check'>
  /** The served model; loads it on first use. */
  readonly model: () => Promise<Result<LoadedModel, MoeError>>
  readonly contextTokens: ContextTokens
  readonly nowS: () => number
  readonly nowMs: () => number
  /** Unique, of [0-9a-f]: names the request in headers, in `id` and towards the engine. */
  readonly newId: () => string
  /** Uniform unsigned 32-bit: the seed of a request that brings none. */
  readonly newSeed: () => number
  /** Keeps the request's context alive until the work is done, also when its client has gone. */
  readonly keepAlive: (work: Promise<unknown>) => void
  /** Lets what else waits in the isolate run first. */
  readonly nextTurn: () => Promise<void>
  readonly wait: (ms: number) => Promise<void>
  readonly setTimer: SetTimer
  readonly log: LogError
  readonly requestLog: RequestLog
  /** What GET / serves. */
  readonly page: PageAsset
}
