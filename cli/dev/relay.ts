import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'

/** A listening relay. */
export interface Relay {
  readonly port: number
  /** Takes no more connections. */
  stopListening(): void
}

/**
 * Passes TCP connections on `port` of 127.0.0.1 to workerd, and turns a client's close into a reset. workerd takes a plain close for a
 * half-open connection and works on until it next writes, so that an abandoned answer would be computed to its end; a reset it sees at
 * once (docs/design/local-cluster.md). Rejects with EADDRINUSE where the port is taken.
 */
export async function startRelay(port: number, workerdPort: number): Promise<Relay> {
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: workerdPort, host: '127.0.0.1', noDelay: true })
    client.pipe(upstream, { end: false })
    upstream.pipe(client)
    client.on('close', () => upstream.resetAndDestroy())
    client.on('error', () => client.destroy())
    upstream.on('close', () => client.destroySoon())
    upstream.on('error', () => client.destroy())
  })
  await listen(server, port)
  return { port: (server.address() as AddressInfo).port, stopListening: () => void server.close() }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(port, '127.0.0.1', done)
  })
}
