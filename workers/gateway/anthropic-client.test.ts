import { afterAll, beforeAll } from 'vitest'
import { registerAnthropicContract } from '../../test/contract/anthropic-contract.ts'
import { demoModel } from '../../test/contract/demo-model.ts'
import { hashed } from '../../test/contract/fake-engine.ts'
import { serveApp } from '../../test/contract/serve-app.ts'
import type { AppServer } from '../../test/contract/serve-app.ts'
import { testGateway } from '../../test/contract/test-gateway.ts'

const model = demoModel()
let server: AppServer

beforeAll(async () => {
  server = await serveApp(testGateway({ model, nextToken: hashed(model.vocab) }).app.fetch)
})
afterAll(() => server.close())

registerAnthropicContract(() => server.url, model.name)
