import { beforeAll, describe, expect, it } from 'vitest'
import { TOOL_CLIENTS } from './clients/all-clients.ts'
import { openaiTools } from './clients/openai-tools.ts'
import { Forecast, TOOL_NAMES } from './clients/tool-client.ts'
import type { Called } from './clients/tool-client.ts'
import type { Served } from './served.ts'

/**
 * What each client must see of structured answers and tools of a server that holds its answers to their grammar, whatever its model knows of them.
 * Nothing is asked of the model's taste: only that what comes is valid, and by each way the same.
 */
export function registerEveryClientToolsContract(getServed: () => Served): void {
  let served: Served
  let parsed: unknown
  let called: Called

  beforeAll(async () => {
    served = getServed()
    parsed = await openaiTools.parse(served, false)
    called = await openaiTools.call(served, 'required', { streamed: false, parallel: true })
  })

  describe.each(TOOL_CLIENTS)('$name, with tools', (client) => {
    it('[CF6] a structured answer is an object of its schema, streamed too', async () => {
      expect(Forecast.safeParse(parsed)).toMatchObject({ success: true })
      expect(await client.parse(served, false)).toEqual(parsed)
      expect(await client.parse(served, true)).toEqual(parsed)
    })

    it('[CF6] a tool that must be called is called, with arguments of its schema, streamed too', async () => {
      for (const streamed of [false, true]) {
        const answer = await client.call(served, 'required', { streamed, parallel: true })
        expectValid(answer)
        expect(saidBy(answer)).toEqual(saidBy(called))
      }
      expect(called).toMatchObject({ text: '', reason: 'tool_calls' })
    })

    it('[CF6] without parallel calls there is one', async () => {
      const answer = await client.call(served, 'required', { streamed: true, parallel: false })
      expectValid(answer)
      expect(answer.calls).toHaveLength(1)
    })

    it.each(TOOL_NAMES)('[CF6] the tool that is named is called: %s', async (name) => {
      const answer = await client.call(served, { name }, { streamed: name === TOOL_NAMES[0], parallel: false })
      expectValid(answer)
      expect(answer.calls.map((call) => call.name)).toEqual([name])
    })

    it('[CF6] where the model may choose it says text or calls a tool that is there', async () => {
      const answer = await client.call(served, 'auto', { streamed: true, parallel: true })
      if (answer.calls.length > 0) expectValid(answer)
      else expect(answer.text).not.toBe('')
    })

    it('[CF6] takes its own calls back with their results', async () => {
      expect(await client.roundTrip(served)).not.toBe('')
    })
  })
}

function expectValid({ calls }: Called): void {
  expect(calls.length).toBeGreaterThan(0)
  for (const { name, input } of calls) {
    expect(TOOL_NAMES).toContain(name)
    expect(Forecast.safeParse(input)).toMatchObject({ success: true })
  }
  expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length)
}

/** What is the same by each way; ids are not. */
function saidBy({ calls, text, reason }: Called) {
  return { calls: calls.map(({ name, input }) => ({ name, input })), text, reason }
}
