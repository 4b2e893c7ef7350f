import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface RawOptions {
  /** After what was written: a FIN, a reset, or nothing; by default the client waits. */
  readonly ending?: 'half-close' | 'reset'
}

/**
 * Writes bytes as they are, each part when the one before has been taken by the kernel, and gives all that comes back until the server closes
 * or as soon as `isEnough` of it is there. Broken connections are an answer like any other: what had come until then.
 */
export function exchange(url: string, parts: Iterable<string | Uint8Array>, isEnough: (answer: string) => boolean, options: RawOptions = {}): Promise<string> {
  return new Promise((done) => {
    const socket = openSocket(url)
    let answer = ''
    socket.on('data', (data: Buffer) => {
      answer += data.toString('latin1')
      if (isEnough(answer)) socket.destroy()
    })
    socket.on('error', () => socket.destroy()) // a reset: `close` follows
    socket.on('close', () => done(answer))
    void writeAll(socket, parts).then(() => {
      if (options.ending === 'half-close') socket.end()
      if (options.ending === 'reset') socket.resetAndDestroy()
    })
  })
}

export function openSocket(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect({ port: Number(port), host: hostname, noDelay: true })
}

/** The head of a request, with what ends it. */
export function head(line: string, headers: readonly string[] = []): string {
  return [`${line} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n')
}

/** Status codes of the answers on a connection, in order. */
export function statuses(answer: string): number[] {
  return Array.from(answer.matchAll(/(?:^|[^\n])?HTTP\/1\.[01] ([0-9]{3}) /g), (match) => Number(match[1]))
}

async function writeAll(socket: Socket, parts: Iterable<string | Uint8Array>): Promise<void> {
  for (const part of parts) {
    if (socket.destroyed) return
    await new Promise<void>((taken) => socket.write(part, () => taken()))
  }
}
