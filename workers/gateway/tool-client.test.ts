import { afterAll, beforeAll } from 'vitest'
import { demoModel } from '../../test/contract/demo-model.ts'
import { serveApp } from '../../test/contract/serve-app.ts'
import type { AppServer } from '../../test/contract/serve-app.ts'
import { testGateway } from '../../test/contract/test-gateway.ts'
import { registerToolContract } from '../../test/contract/tool-contract.ts'

const model = demoModel()
const ARGUMENTS = '{"unit": "celsius", "rain": true}'
const TEXTS = { called: `{"tool_call": {"name": "get_weather", "arguments": ${ARGUMENTS}}}`, parsed: ARGUMENTS }
const EOS = 2
let server: AppServer

/** An engine that holds to its grammar, as far as these requests go: the call where tools are described, else the answer. */
function nextToken({ prompt, position }: { prompt: readonly number[]; position: number }): number {
  const text = model.codec?.decode(prompt).includes('You can call these tools') === true ? TEXTS.called : TEXTS.parsed
  return model.codec?.encode(text, false)[position] ?? EOS
}

beforeAll(async () => {
  server = await serveApp(testGateway({ model, nextToken }).app.fetch)
})
afterAll(() => server.close())

registerToolContract(() => server.url, model.name)
