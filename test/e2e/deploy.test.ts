import { readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fingerprint } from '../../cli/deploy/fingerprint.ts'
import { runDeploy } from '../../cli/deploy/run-deploy.ts'
import { addKey, setAdminKey } from '../../cli/keys/change-keys.ts'
import type { Progress } from '../../cli/progress.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { installedWrangler } from '../../cli/wrangler.ts'
import { NO_LIMITS } from '../../shared/protocol/key-list.ts'

const SILENT: Progress = { start: () => undefined, advance: () => undefined, warn: () => undefined, stop: () => undefined }
const KIB = 1024

it("[DP8] wrangler's own dry run takes every distinct script of a deployment, with the size that is said", async () => {
  const state = await mkdtemp(join(tmpdir(), 'isomoe-deploy-'))
  try {
    const keysFile = join(state, 'keys.json')
    const place = { file: keysFile, script: null, push: () => Promise.reject(new Error('nothing is deployed')) }
    await addKey(place, 'alice', NO_LIMITS)
    await setAdminKey(place)
    const wrangler = installedWrangler()
    const gzipKib = new Map<string, number>()
    const lines: string[] = []
    await runDeploy(
      {
        model: join(REPOSITORY, 'models/demo'),
        name: 'svc',
        bucket: 'some-bucket',
        tier: 'q8',
        trunk: 'q8',
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
          expect([args.includes('--dry-run'), end.said]).toEqual([true, expect.stringContaining('--dry-run: exiting now')])
          const [script] = /svc-[\w-]+(?=\.json$)/.exec(args.at(-1)!)!
          gzipKib.set(script, Number(/gzip: ([\d.]+) KiB/.exec(end.said)![1]))
          if (script === 'svc-gateway') for (const shown of ['env.LIMITER', 'some-bucket', 'app.example.com']) expect(end.said).toContain(shown)
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
    const said = lines.join('\n')
    expect([...gzipKib.keys()].map((script) => script.replace(/^svc-([0-9a-f]{8}-)?/, '')).toSorted()).toEqual([
      'autoscaler',
      'engine',
      'expert-00',
      'gateway',
      'grammar',
      'limiter',
    ])
    for (const [script, kib] of gzipKib) {
      const [, ours, unit] = new RegExp(`^${script}\\b.* ([\\d.]+) (KiB|MiB)$`, 'm').exec(said)!
      expect(Math.abs(Number(ours) * (unit === 'MiB' ? KIB : 1) - kib)).toBeLessThan(0.02 * kib + 0.1)
    }
    const configs = readdirSync(join(state, 'deploy/svc/configs')).filter((name) => name.endsWith('.json'))
    expect(configs).toHaveLength(7)
    for (const config of configs) expect(readFileSync(join(state, 'deploy/svc/configs', config), 'utf8')).not.toMatch(/isomoe-(?!demo)/)
  } finally {
    await rm(state, { recursive: true, force: true })
  }
})
