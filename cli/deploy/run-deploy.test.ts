import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { NO_LIMITS } from '../../shared/protocol/key-list.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { addKey, setAdminKey } from '../keys/change-keys.ts'
import { packTo, recordWarnings } from '../testing/pack-to.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { tinyTensors, TINY_CONFIG, writeFolder } from '../testing/tiny-checkpoint.ts'
import { accountStore } from './account-store.ts'
import type { DeploymentRecord } from './deployment-record.ts'
import { createObjectStore } from './object-store.ts'
import { runDeploy } from './run-deploy.ts'
import type { DeployDeps, DeployOptions } from './run-deploy.ts'
import { runDestroy } from './run-destroy.ts'
import type { DestroyOptions } from './run-destroy.ts'
import { FakeAccount } from './testing/fake-account.ts'
import { FakeR2 } from './testing/fake-r2.ts'

const root = temporaryFolder()
const state = join(root, 'state')
const model = join(root, 'pack')
const otherModel = join(root, 'other')
const keysFile = join(root, 'keys.json')
let manifest: Manifest
let account: FakeAccount
let r2: FakeR2
let endpoint: string
let code: string
let nowMs: number
let said: string[]
let typed: string | null

beforeAll(async () => {
  manifest = await packTo(model, writeFolder(join(root, 'checkpoint')))
  await packTo(otherModel, writeFolder(join(root, 'other-checkpoint'), { tensors: tinyTensors(TINY_CONFIG, 'F32') }))
  const place = { file: keysFile, script: null, push: () => Promise.reject(new Error('nothing is deployed')) }
  await addKey(place, 'alice', NO_LIMITS)
  await setAdminKey(place)
})
beforeEach(async () => {
  rmSync(state, { recursive: true, force: true })
  account = new FakeAccount()
  account.onDone = () => expect(account.orphans()).toEqual([])
  r2 = new FakeR2()
  endpoint = await r2.start()
  code = 'v1'
  nowMs = Date.parse('2026-11-22T12:00:00Z')
  said = []
  typed = null
})
afterEach(() => r2.stop())

const store = (bucket: string) => createObjectStore({ endpoint, bucket, accessKeyId: 'id', secretAccessKey: 'secret', fetch, wait: () => sleep(0) })
const say = (line: string) => void said.push(line)

function deploy(options: Partial<DeployOptions> = {}, deps: Partial<DeployDeps> = {}): Promise<void> {
  said = []
  account.asked.length = 0
  const defaults = {
    model,
    name: 'svc',
    bucket: 'packs',
    tier: 'q8',
    trunk: 'q8',
    standby: 0,
    arenaMib: 84,
    placement: 'packed',
    chunk: 64,
    kernels: 'auto',
    state,
  } as const
  const fingerprint = async (main: string) => `${main}-${code}`
  return runDeploy(
    { ...defaults, hosts: 2, ...options },
    { wrangler: account.wrangler, store, fingerprint, progress: recordWarnings(), nowMs: () => nowMs, say, ...deps },
  )
}

function destroy(options: Partial<DestroyOptions> = {}): Promise<void> {
  said = []
  account.asked.length = 0
  return runDestroy({ name: 'svc', bucket: 'packs', state, ...options }, { wrangler: account.wrangler, store, ask: async () => typed, say })
}

const record = () => JSON.parse(r2.objects.get('deployments/svc.json')!.body.toString()) as DeploymentRecord
const generations = () => [...new Set([...account.scripts.keys()].flatMap((name) => /^svc-([0-9a-f]{8})-/.exec(name)?.[1] ?? []))]
const changes = () => account.asked.filter((line) => !line.startsWith('dry-run')).map((line) => line.replaceAll(/[0-9a-f]{8}/g, 'G'))

describe('isomoe deploy', () => {
  it('[DP1] [DP2] puts up a pack, its scripts and its secrets, and binds them to each other', async () => {
    await deploy({ keysFile, standby: 1 })
    expect(changes()).toEqual([
      'deploy svc-G-expert-00',
      'deploy svc-G-expert-01',
      'deploy svc-G-expert-02',
      'deploy svc-limiter',
      'deploy svc-G-grammar',
      'deploy svc-G-autoscaler',
      'deploy svc-G-engine',
      'deploy svc-gateway',
      'secret bulk svc-gateway',
    ])
    const [generation] = generations()
    const prefix = packPrefix(manifest.name, manifest.digest)
    expect(r2.objects.has(`${prefix}manifest.json`)).toBe(true)
    for (const script of account.scripts.values()) expect(script.vars?.['MODEL_PREFIX'] ?? prefix).toBe(prefix)
    const { vars, durable_objects: objects } = account.scripts.get(`svc-${generation}-autoscaler`)!
    expect(vars).toMatchObject({ HOSTS: '["expert-00","expert-01"]', STANDBY: '["expert-02"]' })
    expect(objects!.bindings).toContainEqual({ name: 'EXPERT_02', class_name: 'Expert', script_name: `svc-${generation}-expert-02` })
    expect(account.scripts.get('svc-gateway')!.vars).toMatchObject({ ACCESS: 'keys' })
    expect([...account.scripts.values()].filter((script) => script.workers_dev).map(({ name }) => name)).toEqual(['svc-gateway'])
    expect(account.secrets.get('svc-gateway')).toEqual({ API_KEYS: expect.stringContaining('alice:') as string, ADMIN_KEY: expect.any(String) as string })
    expect(said.at(-1)).toContain('https://svc-gateway.someone.workers.dev')
    expect(record()).toEqual(JSON.parse(readFileSync(join(state, 'deploy/svc/deployment.json'), 'utf8')))
    expect(record()).toMatchObject({ packs: [prefix], url: 'https://svc-gateway.someone.workers.dev' })
    expect(said.join('\n')).not.toContain(account.secrets.get('svc-gateway')!['ADMIN_KEY'])
  })

  it('[DP9] the second time there is nothing to do; an interrupted one goes on from where it was', async () => {
    account.fails = (line) => line.endsWith('-engine') && line.startsWith('deploy')
    await expect(deploy({ keysFile })).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringMatching(/step 6 of 7.*same command goes on/) as string,
    })
    expect(account.scripts.has('svc-gateway')).toBe(false)
    account.fails = () => false
    await deploy({ keysFile })
    expect(changes()).toEqual(['deploy svc-G-engine', 'deploy svc-gateway', 'secret bulk svc-gateway'])
    await deploy()
    expect(changes()).toEqual(['secret list svc-gateway'])
  })

  it('[DP3] [DP4] other code or another pack is a new generation, the old one goes an hour later; the way back is the gateway alone', async () => {
    await deploy({ keysFile })
    const [first] = generations()
    code = 'v2'
    await deploy({ model: otherModel })
    expect(generations()).toHaveLength(2)
    expect(account.scripts.get('svc-gateway')!.durable_objects!.bindings.map(({ script_name }) => script_name)).not.toContain(`svc-${first}-engine`)
    expect(account.secrets.get('svc-gateway')).toHaveProperty('API_KEYS')
    nowMs += 1_800_000
    code = 'v1'
    await deploy()
    expect(changes()).toEqual(['secret list svc-gateway', 'deploy svc-limiter', 'deploy svc-gateway'])
    nowMs += 3_600_000
    await deploy()
    expect(generations()).toEqual([first])
    expect(
      record()
        .scripts.map(({ script }) => script)
        .toSorted(),
    ).toEqual([...account.scripts.keys()].toSorted())
  })

  it('[DP3] hosts may come and go within a generation; --prune deletes at once', async () => {
    await deploy({ keysFile })
    const [first] = generations()
    await deploy({ hosts: 3 })
    expect(changes()).toEqual(['secret list svc-gateway', 'deploy svc-G-expert-02', 'deploy svc-G-engine', 'deploy svc-G-autoscaler'])
    await deploy({ hosts: 1 })
    expect(changes()).toEqual(['secret list svc-gateway', 'deploy svc-G-autoscaler', 'deploy svc-G-engine'])
    await deploy({ hosts: 1, prune: true })
    expect(changes()).toEqual(['secret list svc-gateway', 'delete svc-G-expert-01', 'delete svc-G-expert-02'])
    expect(generations()).toEqual([first])
    await deploy({ hosts: 1, lanes: 2 })
    expect(generations()).toHaveLength(2)
  })

  it('[DP7] what can be refused is refused before anything is touched', async () => {
    const refusals: [Partial<DeployOptions>, string, string][] = [
      [{}, 'deploy-refused', 'give --keys-file'],
      [{ keysFile: join(root, 'nowhere.json') }, 'key-unknown', 'isomoe keys add'],
      [{ keysFile, tier: 'f32' }, 'tier-missing', 'f32'],
      [{ keysFile, hosts: 480, standby: 1 }, 'over-budget', 'more than 480'],
    ]
    for (const [options, errorCode, words] of refusals)
      await expect(deploy(options)).rejects.toMatchObject({ code: errorCode, message: expect.stringContaining(words) as string })
    const admin = join(root, 'no-admin.json')
    await addKey({ file: admin, script: null, push: () => Promise.reject(new Error('no')) }, 'alice', NO_LIMITS)
    await expect(deploy({ keysFile: admin })).rejects.toMatchObject({ message: expect.stringContaining('no admin key') as string })
    expect([account.scripts.size, r2.objects.size, r2.sent]).toEqual([0, 0, []])
    await expect(deploy({}, { store: accountStore({}) })).rejects.toMatchObject({
      message: expect.stringContaining('CLOUDFLARE_ACCOUNT_ID is not set') as string,
    })
    expect(account.asked).toEqual([]) // not even bundles were made
    expect(() => accountStore({ CLOUDFLARE_ACCOUNT_ID: '../x', R2_ACCESS_KEY_ID: 'a', R2_SECRET_ACCESS_KEY: 'b' })('packs')).toThrow('not an account id')
  })

  it('[DP7] [DP8] a script that is too large with gzip is refused, in a dry run too', async () => {
    account.bundle = randomBytes(LIMITS.scriptGzipBytesMax)
    for (const dryRun of [{}, { dryRun: true as const }])
      await expect(deploy({ keysFile, ...dryRun })).rejects.toMatchObject({
        code: 'deploy-refused',
        message: expect.stringContaining('bytes with gzip') as string,
      })
    expect(account.scripts.size).toBe(0)
    account.bundle = Buffer.alloc(2 * LIMITS.scriptGzipBytesMax)
    await deploy({ dryRun: true })
  })

  it('[DP7] a bucket that is not there is said so', async () => {
    await expect(deploy({ keysFile, bucket: 'nowhere' })).rejects.toMatchObject({
      message: expect.stringContaining('wrangler r2 bucket create nowhere') as string,
    })
    await expect(destroy({ bucket: 'nowhere' })).rejects.toMatchObject({ code: 'upload-failed' })
  })

  it('[DP7] a deployed gateway without one of its keys is not taken for closed by somebody else', async () => {
    await deploy({ keysFile })
    account.secrets.set('svc-gateway', { API_KEYS: 'x' })
    await expect(deploy()).rejects.toMatchObject({ message: expect.stringContaining('it has no ADMIN_KEY') as string })
  })

  it('[DP9] two deploys of one name do not mix: the one whose record was changed ends', async () => {
    account.fails = (line) => {
      if (line === 'deploy svc-limiter') r2.objects.set('deployments/svc.json', { ...r2.objects.get('deployments/svc.json')!, etag: 'another' })
      return false
    }
    await expect(deploy({ keysFile })).rejects.toMatchObject({
      code: 'deploy-refused',
      message: expect.stringContaining('changed by another command') as string,
    })
    expect(account.scripts.has('svc-gateway')).toBe(false)
  })

  it('[DP8] a dry run asks nothing of the account and of the bucket, and leaves the configs', async () => {
    await deploy({ dryRun: true })
    expect(changes()).toEqual([])
    expect(account.asked).toHaveLength(6)
    expect([account.scripts.size, r2.objects.size]).toEqual([0, 0])
    expect(said.join('\n')).toMatch(/script +bundle +gzip\nsvc-\w+-expert-00 \(and 1 more\) +17 B/)
    expect(existsSync(join(state, 'deploy/svc/configs/svc-gateway.json'))).toBe(true)
    expect(existsSync(join(state, 'deploy/svc/deployment.json'))).toBe(false)
  })
})

describe('isomoe destroy', () => {
  it('[DP10] deletes what binds before what is bound to, once the name is typed, and may be repeated', async () => {
    await deploy({ keysFile })
    await deploy({ hosts: 3 })
    code = 'v2'
    await deploy()
    for (const answer of [null, '', 'yes', 'isomoe']) {
      typed = answer
      await expect(destroy()).rejects.toMatchObject({ code: 'deploy-refused' })
    }
    await destroy({ dryRun: true, yes: true })
    expect(account.asked).toEqual([])
    typed = 'svc'
    account.fails = (line) => line.endsWith('-grammar')
    await expect(destroy()).rejects.toMatchObject({ code: 'deploy-failed' })
    expect(account.scripts.has('svc-gateway')).toBe(false)
    account.fails = () => false
    account.scripts.delete([...account.scripts.keys()].find((name) => name.endsWith('expert-00'))!) // somebody was faster
    await destroy()
    expect([account.scripts.size, existsSync(join(state, 'deploy/svc'))]).toEqual([0, false])
    expect([...r2.objects.keys()].every((key) => key.startsWith('models/'))).toBe(true)
    await destroy()
    expect(said).toEqual([expect.stringContaining('nothing is deployed')])
  })

  it('[DP10] [DP1] a pack goes with its last deployment, and one deployment does not touch the other', async () => {
    await deploy({ keysFile })
    await deploy({ keysFile, name: 'two' })
    const two = [...account.scripts.keys()].filter((name) => name.startsWith('two-'))
    expect(two).toHaveLength(7)
    await destroy({ withPack: true, yes: true })
    expect([...account.scripts.keys()]).toEqual(two)
    expect(said.join('\n')).toContain('keep packs/models/')
    expect(r2.objects.size).toBeGreaterThan(1)
    await destroy({ name: 'two', withPack: true, yes: true })
    expect([account.scripts.size, r2.objects.size]).toEqual([0, 0])
  })
})
