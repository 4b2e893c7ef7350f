import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { writeConfigs } from './configs.ts'

const folder = temporaryFolder()

const SETTINGS = {
  modelPrefix: 'models/x/1/',
  tier: 'q8',
  trunk: 'q4',
  hosts: ['expert-00', 'expert-01'],
  standby: ['expert-02'],
  arenaBytes: 1000,
  placement: 'spread',
  chunk: 64,
  kernels: 'auto',
  prefixCache: 'on',
  lanes: 4,
  rttMs: 2,
  hostRate: 5e8,
  callPairs: 3,
}

interface Config {
  readonly name: string
  readonly vars: Readonly<Record<string, string>>
  readonly durable_objects: { readonly bindings: readonly { readonly name: string; readonly script_name?: string }[] }
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Config

it('[CL8] engine and autoscaler can call every host, and only the autoscaler knows which of them stand by', async () => {
  const configs = await writeConfigs(join(folder, 'configs'), SETTINGS)
  for (const config of [configs.engine, configs.autoscaler].map(read)) {
    const hosts = config.durable_objects.bindings.filter(({ name }) => name.startsWith('EXPERT_'))
    expect(hosts.map(({ name, script_name }) => [name, script_name])).toEqual([
      ['EXPERT_00', 'expert-00'],
      ['EXPERT_01', 'expert-01'],
      ['EXPERT_02', 'expert-02'],
    ])
  }
  expect(read(configs.autoscaler).vars).toMatchObject({ HOSTS: '["expert-00","expert-01"]', STANDBY: '["expert-02"]' })
  expect(read(configs.engine).vars).not.toHaveProperty('STANDBY')
  expect(read(configs.engine).vars).toMatchObject({ RTT_MS: '2', CALL_PAIRS: '3' })
})

it('[GR10] gateway and engine reach the grammar worker, which serves the same pack', async () => {
  const { gateway, engine, grammar } = await writeConfigs(join(folder, 'configs'), SETTINGS)
  for (const config of [gateway, engine].map(read)) {
    expect(config.durable_objects.bindings).toContainEqual({ name: 'GRAMMAR', class_name: 'Grammar', script_name: read(grammar).name })
    expect(config.vars['MODEL_PREFIX']).toBe(read(grammar).vars['MODEL_PREFIX'])
  }
})

it('[CL8] a standby is configured as any host', async () => {
  const { hosts } = await writeConfigs(join(folder, 'configs'), SETTINGS)
  expect(hosts.map((path) => read(path).name)).toEqual(['expert-00', 'expert-01', 'expert-02'])
  const [first, , standby] = hosts.map((path) => read(path))
  expect(standby!.vars).toEqual(first!.vars)
  expect(standby!.vars).toMatchObject({ ARENA_BYTES: '1000', HOST_RATE: '500000000' })
})

it('[KY2] a gateway whose run says nothing of access is closed to all without a key, and binds the limiter', async () => {
  const closed = await writeConfigs(join(folder, 'configs'), SETTINGS)
  expect(read(closed.gateway).vars).toMatchObject({ ACCESS: 'keys' })
  expect(read(closed.gateway).durable_objects.bindings).toContainEqual({ name: 'LIMITER', class_name: 'Limiter', script_name: read(closed.limiter).name })
  const local = await writeConfigs(join(folder, 'configs'), { ...SETTINGS, access: { ACCESS: 'loopback' } })
  expect(read(local.gateway).vars).toMatchObject({ ACCESS: 'loopback' })
})
