import { cp, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startInstance } from './instance.ts'
import { fixturePack } from './pack-fixtures.ts'

let pack = ''

beforeEach(async () => {
  pack = await mkdtemp(join(tmpdir(), 'isomoe-pack-'))
  await cp(fixturePack('olmoe'), pack, { recursive: true })
})

afterEach(() => rm(pack, { recursive: true, force: true }))

/** Spoils one byte on disk: what is seeded then is not what the manifest promises. */
async function flipByte(object: string, at: number): Promise<void> {
  const file = await open(join(pack, object), 'r+')
  const byte = new Uint8Array(1)
  await file.read(byte, 0, 1, at)
  byte[0]! ^= 1
  await file.write(byte, 0, 1, at)
  await file.close()
}

function complete(url: string, prompt: number[]): Promise<Response> {
  const body = JSON.stringify({ model: 'olmoe', prompt, max_tokens: 4, temperature: 0 })
  return fetch(`${url}/v1/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

it('[RE2] a corrupt expert in R2 is a clear error over HTTP, never text, and the service stays up', async () => {
  await flipByte('experts-0.f32.bin', 100)
  const instance = await startInstance(['--model', pack, '--tier', 'f32', '--hosts', '2'])
  try {
    const prompt = Array.from({ length: 40 }, (_, i) => i + 3) // long enough to meet every expert of the first layer
    for (let again = 0; again < 2; again++) {
      const response = await complete(instance.url, prompt)
      expect(response.status).toBe(503)
      expect(await response.json()).toMatchObject({ error: { code: 'weights_corrupt', message: expect.stringContaining('experts-0.f32.bin') as string } })
    }
    expect((await fetch(`${instance.url}/health`)).status).toBe(200)
    expect(await (await fetch(`${instance.url}/admin/state`)).json()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
  } finally {
    await instance.stop()
  }
})

it('[RE2] a corrupt trunk keeps the service from getting ready, with the reason', async () => {
  await flipByte('trunk.f32.bin', 5000)
  await expect(startInstance(['--model', pack, '--tier', 'f32', '--hosts', '1'])).rejects.toThrow(/trunk\.f32\.bin at \d+ has another checksum/)
})
