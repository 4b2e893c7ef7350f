import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startPeer } from './peer-process.ts'

const RUN = { prompt: [97], maxTokens: 1 }
/** Long enough for a line of a script that is alive, short enough to wait for. */
const SHORT = { answerMs: 5000, stopMs: 200 }
/** A script that says its process id as its version, and does not end by itself. */
const READY = `console.log(JSON.stringify({ version: String(process.pid) })); setInterval(() => undefined, 1000)`

it('a peer that ends before it is ready is refused with its own error', async () => {
  await expect(startPeer('llamacpp-process.ts', ['/does/not/exist.gguf'])).rejects.toThrow(/^llamacpp-process\.ts ended: .*Error/)
})

it('a peer whose first line is no JSON is refused with that line, and is gone', async () => {
  await withScript(`console.log('loading in', process.pid); setInterval(() => undefined, 1000)`, async (script) => {
    const message = await startPeer(script, []).then(String, (error: Error) => error.message)
    expect(message).toMatch(/said: loading in \d+$/)
    expect(isAlive(Number(message.split(' ').at(-1)))).toBe(false)
  })
})

it('a peer that does not answer is killed at its deadline', async () => {
  await withScript(READY, async (script) => {
    const peer = await startPeer(script, [], SHORT)
    await expect(peer.generate(RUN)).rejects.toThrow('said nothing for 5 s')
    expect(isAlive(Number(peer.version))).toBe(false)
    await peer.stop()
  })
})

it('a peer that does not stop is killed', async () => {
  await withScript(READY, async (script) => {
    const peer = await startPeer(script, [], SHORT)
    await peer.stop()
    expect(isAlive(Number(peer.version))).toBe(false)
  })
})

it('a peer that has ended when it is asked fails that question, not the process that asks', async () => {
  await withScript(`console.log(JSON.stringify({ version: '1' })); process.stdin.destroy(); console.error('Error: out of memory')`, async (script) => {
    const peer = await startPeer(script, [])
    await expect(peer.generate(RUN)).rejects.toThrow('ended: Error: out of memory')
    await expect(peer.generate(RUN)).rejects.toThrow('ended')
    await peer.stop()
  })
})

async function withScript(source: string, test: (script: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-peer-'))
  try {
    const script = join(folder, 'peer.mjs')
    await writeFile(script, source)
    await test(script)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
