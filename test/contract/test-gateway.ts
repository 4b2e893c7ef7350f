import { createApp } from '../../workers/gateway/app.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { LoadedModel } from '../../workers/gateway/model/loaded-model.ts'
import { demoModel, infoOf } from './demo-model.ts'
import { FakeEngine, scripted } from './fake-engine.ts'
import type { FakeEngineOptions, TokenSource } from './fake-engine.ts'

export interface TestGatewayOptions {
  readonly model?: LoadedModel
  readonly nextToken?: TokenSource
  readonly failure?: FakeEngineOptions['failure']
  /** What the engine's KV budget holds; the model's context if absent. */
  readonly engineContextTokens?: number
}

/** The gateway's app with a fake engine, a clock that stands and ids that count. */
export function testGateway(options: TestGatewayOptions = {}) {
  const model = options.model ?? demoModel()
  const info = { ...infoOf(model), contextTokens: options.engineContextTokens ?? model.contextTokens }
  const nextToken = options.nextToken ?? scripted([], model.eos[0] ?? 0)
  const engine = new FakeEngine({ info, nextToken, ...(options.failure && { failure: options.failure }) })
  const logged: string[] = []
  let ids = 0
  const app = createApp({
    engine,
    model: async () => ok(model),
    nowS: () => 1_800_000_000,
    newId: () => String(++ids).padStart(8, '0'),
    newSeed: () => 42,
    keepAlive: () => {},
    log: (message) => logged.push(message),
  })
  const post = async (path: string, body: unknown, signal?: AbortSignal): Promise<Response> =>
    app.request(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...(signal && { signal }) })
  return { app, engine, model, logged, post }
}

/** Status, headers and error of an answer; code null where it is none. */
export async function outcome(response: Response | Promise<Response>) {
  const { status, headers } = await response
  const body: { error?: { message: string; type: string; param: string | null; code: string } } = await (await response).json()
  const { message = '', type = null, param = null, code = null } = body.error ?? {}
  return { status, headers, message, type, param, code }
}
