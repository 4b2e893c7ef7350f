import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startRelay } from './relay.ts'
import type { Relay } from './relay.ts'

let relay: Relay

beforeEach(async () => {
  relay = await startRelay(0)
})

afterEach(() => relay.close())

/** A server that answers with its name. */
async function startServer(name: string) {
  const server = createServer((_, response) => response.end(name)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const gone = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { port: (server.address() as AddressInfo).port, gone }
}

/** Over a connection of its own. */
async function ask(): Promise<string> {
  const asked = request({ port: relay.port, host: '127.0.0.1', agent: false }).end()
  const [answer] = (await once(asked, 'response')) as [AsyncIterable<Buffer>]
  let text = ''
  for await (const part of answer) text += part.toString()
  return text
}

it('[CL6] connections wait until there is somebody to pass them to', async () => {
  const early = [ask(), ask()]
  const server = await startServer('first')
  relay.passTo(server.port)
  expect(await Promise.all(early)).toEqual(['first', 'first'])
  await server.gone()
})

it('[CL6] while the process is away they wait, also before anybody knows that it is, and go to its successor', async () => {
  const first = await startServer('first')
  relay.passTo(first.port)
  expect(await ask()).toBe('first')
  await first.gone()
  const unknowing = ask()
  for (let turns = 0; turns < 50; turns++) await setImmediate() // its port has refused by then
  relay.hold()
  const knowing = ask()
  const second = await startServer('second')
  relay.passTo(second.port)
  expect(await Promise.all([unknowing, knowing])).toEqual(['second', 'second'])
  await second.gone()
})
