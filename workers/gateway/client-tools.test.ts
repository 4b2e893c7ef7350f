import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TOOL_CLIENTS } from '../../test/contract/clients/all-clients.ts'
import { serveApp } from '../../test/contract/serve-app.ts'
import type { AppServer } from '../../test/contract/serve-app.ts'
import { gatewayThatSays, HERMES_TEMPLATE, toolModel } from '../../test/fixtures/tool-calls/tool-gateway.ts'

const FORECASTS = [
  { unit: 'kelvin', rain: true },
  { unit: 'celsius', rain: false },
]
const CALLED = ['get_weather', 'set_alarm'].map((name, index) => ({ name, input: FORECASTS[index] }))
const TEXT = 'Let me look.'
const SAID = CALLED.map(({ name, input }) => `<tool_call>\n{"name": "${name}", "arguments": ${JSON.stringify(input)}}\n</tool_call>`)

const model = toolModel(HERMES_TEMPLATE)
let server: AppServer

beforeAll(async () => {
  server = await serveApp(gatewayThatSays(model, [TEXT, ...SAID].join('\n')).app.fetch)
})
afterAll(() => server.close())

/** The demo model's template knows no tools, so its answers have one call: here is a model that says something and calls two. */
describe.each(TOOL_CLIENTS)('$name', (client) => {
  it.each([false, true])('[CF6] reads a text and two calls of one answer; streamed: %s', async (streamed) => {
    const served = { url: server.url, apiKey: 'none', model: model.name }
    const { calls, text, reason } = await client.call(served, 'auto', { streamed, parallel: true })
    expect(calls.map(({ name, input }) => ({ name, input }))).toEqual(CALLED)
    expect([text.trim(), reason]).toEqual([TEXT, 'tool_calls'])
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
  })
})
