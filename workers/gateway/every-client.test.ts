import { afterAll, beforeAll } from 'vitest'
import { demoModel } from '../../test/contract/demo-model.ts'
import { registerEveryClientContract } from '../../test/contract/every-client-contract.ts'
import { hashed } from '../../test/contract/fake-engine.ts'
import { API_KEY, sha256 } from '../../test/contract/keyed-gateway.ts'
import { serveApp } from '../../test/contract/serve-app.ts'
import type { AppServer } from '../../test/contract/serve-app.ts'
import { testGateway } from '../../test/contract/test-gateway.ts'

const ENDLESS_TOKENS = 100_000

const model = { ...demoModel(), contextTokens: 2 * ENDLESS_TOKENS }
let server: AppServer

beforeAll(async () => {
  const access = { ACCESS: 'loopback', API_KEYS: `alice:${sha256(API_KEY)}` }
  server = await serveApp(testGateway({ model, access, nextToken: hashed(model.vocab) }).app.fetch)
})
afterAll(() => server.close())

registerEveryClientContract(() => ({ url: server.url, apiKey: API_KEY, model: model.name }), ENDLESS_TOKENS)
