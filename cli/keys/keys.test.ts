import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NO_LIMITS } from '../../shared/protocol/key-list.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { readAccess } from '../../workers/gateway/access/access-settings.ts'
import { readDevAccess } from '../dev/dev-access.ts'
import { CliError } from '../errors.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { addKey, pushKeys, revokeKey, setAdminKey } from './change-keys.ts'
import type { KeyPlace } from './change-keys.ts'
import { readKeyFile } from './key-file.ts'
import { wranglerAt } from '../wrangler.ts'
import { pushThrough } from './push-secrets.ts'

const folder = temporaryFolder()
let files = 0

const sha256 = (key: string) => createHash('sha256').update(key).digest('hex')
const TEN = { ...NO_LIMITS, requestsPerMin: 10 }

/** A place of its own, and an account whose secrets the test sees; `breaks` while it cannot be reached. */
function account(file = join(folder, `keys-${files++}.json`)) {
  const secrets: Record<string, string | null> = {}
  const state = { breaks: false }
  const place: KeyPlace = {
    file,
    script: 'isomoe-gateway',
    async push(script, given) {
      expect(script).toBe('isomoe-gateway')
      if (state.breaks) throw new CliError('deploy-failed', 'no account')
      Object.assign(secrets, given)
    },
  }
  return { place, secrets, state }
}

describe('isomoe keys', () => {
  it('[KY11] a key has 256 random bits, is given once, and only its hash is kept', async () => {
    const { place, secrets } = account()
    const key = await addKey(place, 'alice', TEN)
    const admin = await setAdminKey(place)
    expect(key).toMatch(/^imk_[A-Za-z0-9_-]{43}$/)
    expect(admin).toMatch(/^ima_[A-Za-z0-9_-]{43}$/)
    const kept = readFileSync(place.file, 'utf8')
    expect(kept).not.toContain(key)
    expect(kept).not.toContain(admin)
    expect(statSync(place.file).mode & 0o777).toBe(0o600)
    expect(secrets).toEqual({ API_KEYS: `alice:${sha256(key)}:rpm=10\n`, ADMIN_KEY: sha256(admin) })
    expect(await addKey(place, 'bob', NO_LIMITS)).not.toBe(key)
  })

  it('[KY11] the gateway reads what is deployed, and an account without keys has no secrets: it is closed', async () => {
    const { place, secrets } = account()
    await addKey(place, 'alice', TEN)
    await setAdminKey(place)
    const access = readAccess({ ACCESS: 'keys', API_KEYS: secrets['API_KEYS']!, ADMIN_KEY: secrets['ADMIN_KEY']! })
    expect(access.apiKeys).toMatchObject({ ok: true, value: [{ name: 'alice', limits: TEN }] })
    expect(access.adminKey.ok && access.adminKey.value?.length).toBe(32)
    await revokeKey(place, 'alice')
    expect(secrets['API_KEYS']).toBeNull()
  })

  it('[KY11] a key that could not be deployed is nowhere', async () => {
    const { place, state } = account()
    state.breaks = true
    await expect(addKey(place, 'alice', TEN)).rejects.toMatchObject({ code: 'deploy-failed' })
    expect(existsSync(place.file)).toBe(false)
    state.breaks = false
    await addKey(place, 'alice', TEN)
    const before = readFileSync(place.file, 'utf8')
    state.breaks = true
    await expect(addKey(place, 'bob', TEN)).rejects.toMatchObject({ code: 'deploy-failed' })
    await expect(setAdminKey(place)).rejects.toMatchObject({ code: 'deploy-failed' })
    expect(readFileSync(place.file, 'utf8')).toBe(before)
  })

  it('[KY11] a key that was revoked and is still deployed is out with the next push, and the error says that it is still let in', async () => {
    const { place, secrets, state } = account()
    await addKey(place, 'alice', TEN)
    await addKey(place, 'bob', TEN)
    state.breaks = true
    await expect(revokeKey(place, 'alice')).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringContaining('alice is still let in') as string,
    })
    expect(secrets['API_KEYS']).toContain('alice')
    state.breaks = false
    await pushKeys(place)
    expect(secrets['API_KEYS']).toMatch(/^bob:[0-9a-f]{64}:rpm=10\n$/)
  })

  it('[KY11] refuses a name that is taken, is none, or is not there, and a list that no secret holds', async () => {
    const { place } = account()
    await addKey(place, 'alice', TEN)
    await expect(addKey(place, 'alice', TEN)).rejects.toMatchObject({ code: 'key-exists' })
    await expect(addKey(place, 'Alice!', TEN)).rejects.toMatchObject({ code: 'name-invalid' })
    await expect(revokeKey(place, 'bob')).rejects.toMatchObject({ code: 'key-unknown' })
    await expect(pushKeys(account().place)).rejects.toMatchObject({ code: 'key-unknown' })
    const many = async () => {
      for (let i = 0; ; i++) await addKey(place, `key-${i}`, { requestsPerMin: 60, tokensPerMin: 10_000, concurrent: 4, maxTokens: 512 })
    }
    await expect(many()).rejects.toMatchObject({ code: 'keys-invalid', message: expect.stringContaining(String(LIMITS.keyListBytesMax)) as string })
    expect((await readKeyFile(place.file))!.keys.length).toBeGreaterThan(35)
  })

  it.each(['{}', 'no json', '{"version":2,"keys":[],"admin":null}', '{"version":1,"keys":["a:b"],"admin":null}', '{"version":1,"keys":[],"admin":"x"}'])(
    '[KY11] refuses %s as a file of keys, and leaves it as it is',
    async (text) => {
      const { place } = account()
      writeFileSync(place.file, text)
      await expect(addKey(place, 'alice', TEN)).rejects.toMatchObject({ code: 'keys-invalid' })
      expect(readFileSync(place.file, 'utf8')).toBe(text)
    },
  )

  it('[KY11] as a command: the key alone on stdout, its name in the list, nothing of its hash', () => {
    const file = join(folder, 'cli.json')
    const isomoe = (...args: string[]) => spawnSync(process.execPath, ['bin/isomoe.mjs', 'keys', ...args, '--file', file], { encoding: 'utf8' })
    const added = isomoe('add', 'alice', '--limits', 'rpm=60,max_tokens=512')
    expect(added).toMatchObject({ status: 0, stdout: expect.stringMatching(/^imk_[A-Za-z0-9_-]{43}\n$/), stderr: expect.stringContaining('shown once') })
    const hash = sha256(added.stdout.trim())
    const listed = isomoe('list')
    expect(listed).toMatchObject({ status: 0, stdout: expect.stringMatching(/^name +limits\nalice +rpm=60,max_tokens=512\nAPI keys: 1, admin key: none\n$/) })
    expect(added.stdout + added.stderr + listed.stdout + listed.stderr).not.toContain(hash)
    expect(isomoe('add', 'bob', '--limits', 'rpm=0')).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/^isomoe: .*rpm.*\(usage\)\n$/) })
    expect(isomoe('revoke', 'nobody')).toMatchObject({ status: 1, stderr: expect.stringMatching(/\(key-unknown\)\n$/) })
  })
})

describe('what wrangler is asked', () => {
  /** A program that stands in for wrangler: says its arguments and its input, then ends. */
  function program(end: string): string {
    const path = join(folder, `wrangler-${files++}.mjs`)
    writeFileSync(path, `let input = ''; for await (const part of process.stdin) input += part; console.log(process.argv.slice(2).join(' ')); ${end}`)
    return path
  }
  const SECRETS = { API_KEYS: `alice:${'a'.repeat(64)}\n`, ADMIN_KEY: null }

  it('[KY11] secrets go in as JSON on stdin, never as arguments', async () => {
    const echo = join(folder, 'echo.json')
    const path = program(
      `(await import('node:fs')).writeFileSync(${JSON.stringify(echo)}, process.argv.slice(2).join(' ') + '|' + input); console.log('Finished processing secrets file:')`,
    )
    await pushThrough(wranglerAt(path))('my-gateway', SECRETS)
    expect(readFileSync(echo, 'utf8')).toBe(`secret bulk --name my-gateway|${JSON.stringify(SECRETS)}`)
  })

  it.each(["console.error('no\\n token'); process.exit(1)", "console.log('no\\n token')"])(
    '[KY11] anything but its last word is a failure, in its own words: %s',
    async (end) => {
      await expect(pushThrough(wranglerAt(program(end)))('my-gateway', SECRETS)).rejects.toMatchObject({
        code: 'deploy-failed',
        message: expect.stringMatching(/my-gateway: secret bulk .*no token$/) as string,
      })
    },
  )
})

describe('isomoe dev', () => {
  it('[KY3] without a file of keys this machine needs none', async () => {
    expect(await readDevAccess({ state: join(folder, 'none') })).toEqual({ vars: { ACCESS: 'loopback' }, keys: null, ownKey: null })
    await expect(readDevAccess({ state: folder, keys: join(folder, 'nowhere.json') })).rejects.toMatchObject({ code: 'key-unknown' })
  })

  it('[KY3] takes the keys of its state folder, or of the file that it is given, and has one of its own for its own traffic', async () => {
    const { place } = account(join(folder, 'keys.json'))
    const own = { ...place, script: null }
    await addKey(own, 'alice', TEN)
    const access = await readDevAccess({ state: folder, cors: 'https://app.example' })
    expect(access).toMatchObject({ keys: { path: own.file, count: 1, admin: false }, ownKey: null, vars: { CORS_ORIGINS: 'https://app.example' } })
    expect(await readDevAccess({ state: '/nowhere', keys: own.file })).toMatchObject({ vars: { API_KEYS: access.vars['API_KEYS'] } })
    const seeding = await readDevAccess({ state: folder, seedTraffic: 'shift' })
    expect(readAccess(seeding.vars as { ACCESS: string }).apiKeys).toMatchObject({
      ok: true,
      value: [{ name: 'alice' }, { name: 'isomoe-dev', limits: NO_LIMITS }],
    })
    expect(seeding.vars['API_KEYS']).toContain(sha256(seeding.ownKey!))
  })
})
