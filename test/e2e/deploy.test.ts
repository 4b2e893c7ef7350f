import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fingerprint } from '../../cli/deploy/fingerprint.ts'
import { secretsOfFile } from '../../cli/deploy/key-secrets.ts'
import { runDeploy } from '../../cli/deploy/run-deploy.ts'
import { startLocalCluster } from '../../cli/dev/local-cluster.ts'
import { seedLocalR2 } from '../../cli/dev/seed.ts'
import { addKey, setAdminKey } from '../../cli/keys/change-keys.ts'
import { readPackFolder } from '../../cli/pack-folder.ts'
import type { Progress } from '../../cli/progress.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { installedWrangler } from '../../cli/wrangler.ts'
import { NO_LIMITS } from '../../shared/protocol/key-list.ts'

const SILENT: Progress = { start: () => undefined, advance: () => undefined, warn: () => undefined, stop: () => undefined }
const KIB = 1024
const model = join(REPOSITORY, 'models/demo')
const lines: string[] = []
/** What wrangler said of each script. */
const dryRuns = new Map<string, string>()
let state: string
let keysFile: string
let key: string
let configs: string[]

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'isomoe-deploy-'))
  keysFile = join(state, 'keys.json')
  const place = { file: keysFile, script: null, push: () => Promise.reject(new Error('nothing is deployed')) }
  key = await addKey(place, 'alice', { ...NO_LIMITS, concurrent: 1 })
  await setAdminKey(place)
  const wrangler = installedWrangler()
  await runDeploy(
    {
      model,
      name: 'svc',
      bucket: 'some-bucket',
      tier: 'q8',
      trunk: 'q8',
      hosts: 2,
      standby: 1,
      arenaMib: 84,
      placement: 'packed',
      chunk: 64,
      kernels: 'auto',
      domain: 'llm.example.com',
      cors: 'https://app.example.com',
      keysFile,
      dryRun: true,
      state,
    },
    {
      async wrangler(args, input) {
        const end = await wrangler(args, input)
        dryRuns.set(/svc-[\w-]+(?=\.json$)/.exec(args.at(-1)!)![0], end.said)
        return end
      },
      store: () => {
        throw new Error('a dry run has no store')
      },
      fingerprint,
      progress: SILENT,
      nowMs: Date.now,
      say: (line) => lines.push(line),
    },
  )
  const folder = join(state, 'deploy/svc/configs')
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  configs = files.map((name) => join(folder, name)).toSorted((a, b) => Number(b.includes('gateway')) - Number(a.includes('gateway')))
})
afterAll(() => rm(state, { recursive: true, force: true }))

it("[DP8] wrangler's own dry run takes every distinct script of a deployment, with the size that is said", () => {
  const parts = [...dryRuns.keys()].map((script) => script.replace(/^svc-([0-9a-f]{8}-)?/, ''))
  expect(parts.toSorted()).toEqual(['autoscaler', 'engine', 'expert-00', 'gateway', 'grammar', 'limiter'])
  for (const [script, said] of dryRuns) {
    expect(said).toContain('--dry-run: exiting now')
    const kib = Number(/gzip: ([\d.]+) KiB/.exec(said)![1])
    const [, ours, unit] = new RegExp(`^${script}\\b.* ([\\d.]+) (KiB|MiB)$`, 'm').exec(lines.join('\n'))!
    expect(Math.abs(Number(ours) * (unit === 'MiB' ? KIB : 1) - kib)).toBeLessThan(0.02 * kib + 0.1)
  }
  for (const shown of ['env.LIMITER', 'some-bucket', 'app.example.com']) expect(dryRuns.get('svc-gateway')).toContain(shown)
})

it('[DP1] the scripts of a deployment, under their names, find each other and serve who has a key', async () => {
  expect(configs.map((path) => path.replace(/^.*svc-([0-9a-f]{8}-)?/, '').replace('.json', ''))).toHaveLength(8)
  for (const config of configs) expect(readFileSync(config, 'utf8')).not.toMatch(/"isomoe-/)
  // Locally a secret is a variable.
  const gateway = JSON.parse(readFileSync(configs[0]!, 'utf8')) as { vars: Record<string, string> }
  writeFileSync(configs[0]!, JSON.stringify({ ...gateway, vars: { ...gateway.vars, ...(await secretsOfFile(keysFile)) } }))
  const manifest = await readPackFolder(model)
  const cluster = await startLocalCluster({ processes: [configs], wasmAlias: new Map(), statePath: join(state, 'run'), onLog: () => undefined })
  try {
    await seedLocalR2(model, manifest, await cluster.bucket(), SILENT)
    const url = `http://127.0.0.1:${cluster.port()}`
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const body = JSON.stringify({
      model: manifest.name,
      messages: [{ role: 'user', content: 'Hello' }],
      max_tokens: 4,
      response_format: { type: 'json_object' },
    })
    const chat = (extra: object) => fetch(`${url}/v1/chat/completions`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...extra } })
    expect((await chat({})).status).toBe(401)
    while ((await fetch(`${url}/health`, { headers })).status === 503) await sleep(50) // the test's own time limit ends it
    const answer = await chat(headers) // through limiter, grammar, engine, autoscaler and hosts
    const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] }
    expect([answer.status, choices[0]!.message.content.trimStart()[0]]).toEqual([200, '{'])
  } finally {
    await cluster.stop()
  }
})
