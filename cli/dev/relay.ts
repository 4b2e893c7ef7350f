import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

/** A listening relay. */
export interface Relay {
  readonly port: number
  /** Where connections go from now on; those that came before waited. */
  passTo(workerdPort: number): void
  /** workerd is gone: connections wait again. */
  hold(): void
  /** Takes no more connections and ends those that are open, waiting ones included. */
  close(): void
}

/**
 * Passes TCP connections on `port` of 127.0.0.1 to workerd, and turns a client's close into a reset. workerd takes a plain close for a
 * half-open connection and works on until it next writes, so that an abandoned answer would be computed to its end; a reset it sees at
 * once (docs/design/local-cluster.md). Rejects with EADDRINUSE where the port is taken.
 */
export async function startRelay(port: number): Promise<Relay> {
  let target: number | null = null
  const waiting = new Set<Socket>()
  const clients = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    clients.add(client)
    client.on('close', () => {
      clients.delete(client)
      waiting.delete(client)
    })
    client.on('error', () => client.destroy())
    if (target === null) waiting.add(client)
    else relayTo(target, client)
  })
  await listen(server, port)
  return { port: (server.address() as AddressInfo).port, passTo, hold: () => void (target = null), close }

  function passTo(workerdPort: number): void {
    target = workerdPort
    for (const client of waiting) relayTo(workerdPort, client)
    waiting.clear()
  }

  function close(): void {
    server.close()
    for (const client of clients) client.destroy()
  }
}

function relayTo(workerdPort: number, client: Socket): void {
  const upstream = connect({ port: workerdPort, host: '127.0.0.1', noDelay: true })
  client.pipe(upstream, { end: false })
  upstream.pipe(client)
  client.on('close', () => upstream.resetAndDestroy())
  upstream.on('close', () => client.destroySoon())
  upstream.on('error', () => client.destroy())
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(port, '127.0.0.1', done)
  })
}
