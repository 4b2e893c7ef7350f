import { timingSafeEqual } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { readAccess } from '../../workers/gateway/access/access-settings.ts'
import type { AccessVars } from '../../workers/gateway/access/access-settings.ts'
import { createApp } from '../../workers/gateway/app.ts'
import { ok } from '../../shared/protocol/result.ts'
import { rememberContext } from '../../workers/gateway/generate/context-tokens.ts'
import type { LoadedModel } from '../../workers/gateway/model/loaded-model.ts'
import { createRequestLog } from '../../workers/gateway/request-log/request-log.ts'
import type { RequestLine } from '../../workers/gateway/request-log/request-record.ts'
import { demoModel, infoOf } from './demo-model.ts'
import { FakeAutoscaler } from './fake-autoscaler.ts'
import { FakeEngine, scripted } from './fake-engine.ts'
import { FakeGrammar } from './fake-grammar.ts'
import { handWoundTimer } from '../fixtures/hand-wound-timer.ts'
import { MemoryLimiters } from './memory-limiters.ts'
import type { FakeEngineOptions, TokenSource } from './fake-engine.ts'

export interface TestGatewayOptions {
  readonly model?: LoadedModel
  readonly nextToken?: TokenSource
  readonly cachedTokens?: number
  readonly failure?: FakeEngineOptions['failure']
  readonly resetAt?: FakeEngineOptions['resetAt']
  /** What the engine's KV budget holds; the model's context if absent. */
  readonly engineContextTokens?: number
  readonly nowMs?: () => number
  readonly logPrompts?: boolean
  /** A sink of request lines throws, before the one that keeps them. */
  readonly failingSink?: boolean
  /** As `isomoe dev` has it if absent. */
  readonly access?: AccessVars
  /** What passes while the gateway waits for the engine. */
  readonly wait?: (ms: number) => Promise<void>
}

export const TEST_PAGE = { html: '<!doctype html><title>page</title>', etag: '"tag"', contentSecurityPolicy: "default-src 'none'" }

/** The gateway's app with a fake engine, a clock that stands and ids that count. */
export function testGateway(options: TestGatewayOptions = {}) {
  const model = options.model ?? demoModel()
  const info = { ...infoOf(model), contextTokens: options.engineContextTokens ?? model.contextTokens }
  const nextToken = options.nextToken ?? scripted([], model.eos[0] ?? 0)
  const engine = new FakeEngine({ info, nextToken, cachedTokens: options.cachedTokens ?? 0, ...faultsOf(options) })
  const autoscaler = new FakeAutoscaler()
  const grammar = new FakeGrammar()
  const timer = handWoundTimer()
  const limiters = new MemoryLimiters()
  const logged: string[] = []
  /** Of each request that is over. */
  const lines: RequestLine[] = []
  const nowMs = options.nowMs ?? (() => limiters.nowMs)
  const log = (message: string): void => void logged.push(message)
  let ids = 0
  const wait = options.wait ?? (async () => {})
  const app = createApp({
    access: readAccess(options.access ?? { ACCESS: 'loopback' }),
    timingSafeEqual,
    limiter: (keyName) => limiters.of(keyName),
    engine,
    autoscaler,
    grammar,
    model: async () => ok(model),
    contextTokens: rememberContext({ engine, log, wait }),
    nowS: () => 1_800_000_000,
    nowMs,
    newId: () => String(++ids).padStart(8, '0'),
    newSeed: () => 42,
    keepAlive: () => {},
    nextTurn,
    wait,
    setTimer: timer.set,
    page: TEST_PAGE,
    log,
    requestLog: createRequestLog({
      nowMs,
      sinks: [...(options.failingSink ? [broken] : []), (line) => void lines.push(line)],
      logPrompts: options.logPrompts === true,
      log,
    }),
  })
  const post = async (path: string, body: unknown, signal?: AbortSignal, headers: Record<string, string> = {}): Promise<Response> =>
    app.request(path, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body), ...(signal && { signal }) })
  return { app, engine, autoscaler, grammar, limiters, timer, model, logged, lines, post }
}

function broken(): never {
  throw new Error('the dataset is full')
}

function faultsOf({ failure, resetAt }: TestGatewayOptions): Pick<FakeEngineOptions, 'failure' | 'resetAt'> {
  return { ...(failure && { failure }), ...(resetAt && { resetAt }) }
}

/** Status, headers and error of an answer; code null where it is none. */
export async function outcome(response: Response | Promise<Response>) {
  const { status, headers } = await response
  const body: { error?: { message: string; type: string; param: string | null; code: string } } = await (await response).json()
  const { message = '', type = null, param = null, code = null } = body.error ?? {}
  return { status, headers, message, type, param, code }
}
