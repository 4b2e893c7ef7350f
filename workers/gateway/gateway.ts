import { env as bindings, waitUntil } from 'cloudflare:workers'
import page from '../../page/build/page.json'
import type { AdminApi, GatewayDeps } from './deps.ts'
import type { EngineApi } from '../../shared/protocol/engine-api.ts'
import type { LimiterApi } from '../../shared/protocol/limiter-api.ts'
import { GRAMMAR_OBJECT } from '../../shared/protocol/grammar-api.ts'
import type { GrammarApi } from '../../shared/protocol/grammar-api.ts'
import { TRUNK_PRECISIONS } from '../../shared/protocol/tiers.ts'
import { createLog } from '../log.ts'
import { oneOfSetting } from '../settings.ts'
import { readAccess } from './access/access-settings.ts'
import { createApp } from './app.ts'
import type { Env } from './env.ts'
import { rememberContext } from './generate/context-tokens.ts'
import { loadModel } from './model/load-model.ts'
import { SharedLoad } from './model/shared-load.ts'
import { createRequestLog } from './request-log/request-log.ts'
import { analyticsSink, consoleSink } from './request-log/sinks.ts'

// wrangler.toml declares these bindings, `isomoe dev` adds the variables; the platform's own type of `env` is open.
const env = bindings as unknown as Env

/** A stub breaks with the first exception and belongs to one request, so each call gets its own. */
function engineStub(): EngineApi {
  // RPC gives each method of the object under its name; the generated stub type cannot express readonly results with a stream inside.
  return env.ENGINE.getByName('engine-0') as unknown as EngineApi
}

const engine: EngineApi = {
  status: () => engineStub().status(),
  state: () => engineStub().state(),
  generate: (request, have) => engineStub().generate(request, have),
  resume: (requestId, have) => engineStub().resume(requestId, have),
  cancel: (requestId, index) => engineStub().cancel(requestId, index),
}

function autoscalerStub(): AdminApi {
  return env.AUTOSCALER.getByName('autoscaler') as unknown as AdminApi
}

const autoscaler: AdminApi = {
  state: () => autoscalerStub().state(),
  metrics: () => autoscalerStub().metrics(),
  events: (fromId) => autoscalerStub().events(fromId),
  scale: (request) => autoscalerStub().scale(request),
  setPolicy: (change) => autoscalerStub().setPolicy(change),
}

const grammar: GatewayDeps['grammar'] = {
  check: (spec) => (env.GRAMMAR.getByName(GRAMMAR_OBJECT) as unknown as GrammarApi).check(spec),
}

const wait = (ms: number): Promise<void> => scheduler.wait(ms)

/** Held by the isolate, not by a request: a tokenizer takes longer to load than most answers take to give. */
const loadServed = () => loadModel({ get: (name) => env.BUCKET.get(env.MODEL_PREFIX + name) }, env.TIER, oneOfSetting('TRUNK', env.TRUNK, TRUNK_PRECISIONS))
const model = new SharedLoad(loadServed, {
  wait,
  keepAlive: waitUntil,
})

const log = createLog('gateway')

const requestLog = createRequestLog({
  nowMs: () => Date.now(),
  sinks: [consoleSink, analyticsSink(env.ANALYTICS)],
  logPrompts: oneOfSetting('LOG_PROMPTS', env.LOG_PROMPTS, ['on', 'off']) === 'on',
  log,
})

const app = createApp({
  access: readAccess(env),
  timingSafeEqual: (a, b) => crypto.subtle.timingSafeEqual(a, b),
  limiter: (keyName) => env.LIMITER.getByName(keyName) as unknown as LimiterApi,
  engine,
  autoscaler,
  grammar,
  model: () => model.get(),
  contextTokens: rememberContext({ engine, log, wait }),
  nowS: () => Math.floor(Date.now() / 1000),
  nowMs: () => Date.now(),
  newId: () => crypto.randomUUID().replaceAll('-', ''),
  newSeed: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  keepAlive: waitUntil,
  nextTurn: () => wait(0),
  wait,
  setTimer: (ms, fire) => {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
  page,
  log,
  requestLog,
})

export default { fetch: app.fetch } satisfies ExportedHandler<Env>
