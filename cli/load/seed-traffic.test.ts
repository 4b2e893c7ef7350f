import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { readSeedMix, startSeedTraffic } from './seed-traffic.ts'
import { answerWell, startFakeServer } from './testing/fake-server.ts'

const folder = temporaryFolder()

it('[LT3] seed traffic is labelled, goes on until it is stopped, and then says what it was', async () => {
  const lines: string[] = []
  let enough = () => undefined as void
  const many = new Promise<void>((done) => (enough = done))
  const server = await startFakeServer((...args) => {
    if (server.requests.length === 30) enough()
    answerWell(...args)
  })
  const traffic = startSeedTraffic({ url: server.url, model: 'fake', apiKey: null }, await readSeedMix('german'), (line) => lines.push(line))
  await many
  await traffic.stop()
  const sent = server.requests.length
  await new Promise((done) => setImmediate(done))
  expect(server.requests.length).toBe(sent)
  await server.close()
  expect(lines[0]).toBe('seed traffic (mix german, 2 workers): german')
  expect(lines.at(-1)).toMatch(/^seed traffic: \d+ answered, 0 failed in \d+ s$/)
})

it('[CL1] a mix whose domains are not there is refused before anything is started', async () => {
  const path = join(folder, 'mix.json')
  writeFileSync(path, JSON.stringify({ name: 'mine', phases: [{ fromS: 0, weights: { nobody: 1 } }] }))
  await expect(readSeedMix(path)).rejects.toMatchObject({ code: 'mix-invalid', message: expect.stringContaining('no prompts of nobody') as string })
})
