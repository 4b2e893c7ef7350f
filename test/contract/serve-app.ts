import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

export interface AppServer {
  readonly url: string
  close(): Promise<void>
}

/** Serves a fetch handler over real HTTP on a free port of this machine. A client that leaves cancels the answer's stream and its request's signal. */
export async function serveApp(handle: (request: Request) => Response | Promise<Response>): Promise<AppServer> {
  const server = createServer((incoming, outgoing) => void answer(handle, incoming, outgoing))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(handle: (request: Request) => Response | Promise<Response>, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController()
  outgoing.on('close', () => gone.abort())
  const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)])
  const bodyless = incoming.method === 'GET' || incoming.method === 'HEAD'
  const body = bodyless ? {} : { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: 'half' }
  const request = new Request(`http://localhost${incoming.url}`, { method: incoming.method ?? 'GET', headers, signal: gone.signal, ...body })
  const response = await handle(request)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  const reader = response.body?.getReader()
  gone.signal.addEventListener('abort', () => void reader?.cancel())
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    if (!outgoing.write(next.value)) await once(outgoing, 'drain', { signal: gone.signal }).catch(() => {}) // the client left: the next read ends
  }
  outgoing.end()
}
