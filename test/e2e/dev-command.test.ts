import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startInstance } from './instance.ts'
import { fixturePack } from './pack-fixtures.ts'

const SMALL = ['--model', fixturePack('olmoe'), '--hosts', '1']

it('[PL2] a plan above the budget is refused with its table', async () => {
  await expect(startInstance(['--tier', 'q8', '--hosts', '1', '--arena-mib', '10'])).rejects.toThrow(
    /expert-00 +19\.1 MiB +10\.0 MiB +over[\s\S]*isomoe: expert-00 would not fit/,
  )
})

it('[CL4] a port that is in use is refused in one line', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  const { port } = server.address() as AddressInfo
  await expect(startInstance([...SMALL, '--port', String(port)])).rejects.toThrow(/^isomoe: port \d+ is in use: choose another with --port \(port-in-use\)$/m)
  server.close()
})

it('[CL4] a state folder that is in use is refused, and free again afterwards', async () => {
  const state = await mkdtemp(join(tmpdir(), 'isomoe-state-'))
  const first = await startInstance([...SMALL, '--state', state])
  await expect(startInstance([...SMALL, '--state', state])).rejects.toThrow(/is in use by process \d+: choose another with --state.* \(state-in-use\)/)
  expect(await first.stop()).toBe(0)
  const again = await startInstance([...SMALL, '--state', state])
  expect(await again.stop()).toBe(0)
  await rm(state, { recursive: true, force: true })
})

it('[CL3] a dev that is killed leaves no workerd, and the next one starts on its state', async () => {
  const state = await mkdtemp(join(tmpdir(), 'isomoe-state-'))
  const first = await startInstance(SMALL, state)
  const { port } = (await first.processes())[0]!
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      (response) => response.arrayBuffer().then(() => true),
      () => false,
    )
  expect(await answers()).toBe(true)
  await first.kill()
  while (await answers()); // the test's own time bounds it
  const again = await startInstance(SMALL, state)
  expect(await again.stop()).toBe(0)
  await rm(state, { recursive: true, force: true })
})

it('[CL1] a tier that the pack does not have, and a pack that is not there, are one line each', async () => {
  await expect(startInstance([...SMALL, '--tier', 'f16'])).rejects.toThrow(/Allowed choices are q8, q4, f32/)
  await expect(startInstance(['--tier', 'f32'])).rejects.toThrow(/^isomoe: the pack has no tier f32, only q8, q4 \(tier-missing\)$/m)
  await expect(startInstance(['--model', '/does/not/exist'])).rejects.toThrow(/^isomoe: .*\/does\/not\/exist.*\)$/m)
})

it('[SC10] an emulated network is named, and four lanes run over it', async () => {
  const instance = await startInstance([...SMALL, '--rtt-ms', '2'])
  try {
    expect(instance.printed).toMatch(/^emulated network: at least 2 ms for each call to a host$/m)
    const models = (await (await fetch(`${instance.url}/v1/models`)).json()) as { data: { id: string }[] }
    const prompt = [1, 3, 5, 7, 9].map((id) => [id, id + 1])
    const response = await fetch(`${instance.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: models.data[0]!.id, prompt, max_tokens: 6, ignore_eos: true, return_token_ids: true }),
    })
    const { choices } = (await response.json()) as { choices: { token_ids: number[] }[] }
    expect(choices.map((choice) => choice.token_ids.length)).toEqual([6, 6, 6, 6, 6])
    expect(await (await fetch(`${instance.url}/admin/state`)).json()).toMatchObject({ lanes: 4, running: 0, kvPagesUsed: 0 })
  } finally {
    await instance.stop()
  }
})
