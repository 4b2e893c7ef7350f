import { afterAll, beforeAll } from 'vitest'
import { demoModel } from '../../test/contract/demo-model.ts'
import { hashed } from '../../test/contract/fake-engine.ts'
import { registerOpenAiContract } from '../../test/contract/openai-contract.ts'
import { serveApp } from '../../test/contract/serve-app.ts'
import type { AppServer } from '../../test/contract/serve-app.ts'
import { testGateway } from '../../test/contract/test-gateway.ts'

// The context is large, so that an answer does not end by itself before its client has left.
const model = { ...demoModel(), contextTokens: 200_000 }
let server: AppServer

beforeAll(async () => {
  server = await serveApp(testGateway({ model, nextToken: hashed(model.vocab) }).app.fetch)
})
afterAll(() => server.close())

registerOpenAiContract(() => server.url, model.name)
