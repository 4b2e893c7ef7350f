import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { BenchReport } from '../../bench/figures.ts'

const BENCH = resolve(import.meta.dirname, '../../bench/main.ts')
const IDS = [
  'serve.start_to_first_token_ms',
  'serve.start_to_first_token_unseeded_ms',
  'serve.ttft_ms',
  'serve.ttft_uncached_ms',
  'serve.ttft_cached_ms',
  'serve.tokens_per_s.1',
  'serve.tokens_per_s.4',
  'serve.tokens_per_s.16',
  'serve.kv_bytes_over_formula',
  'serve.rawread_ms',
  'serve.rawread_kept_ms',
  'serve.sha256_ms',
  'serve.coldload_ms',
  'serve.coldload_over_rawread',
  'serve.coldload_over_limit',
]

it('`bench serve --quick` measures every figure', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-bench-'))
  try {
    const file = join(folder, 'serve.json')
    await promisify(execFile)(process.execPath, [BENCH, 'serve', '--quick', '--json', file])
    const { figures } = JSON.parse(await readFile(file, 'utf8')) as BenchReport
    expect(figures.map(({ id }) => id)).toEqual(IDS)
    for (const figure of figures) expect('missing' in figure ? figure.missing : figure.min > 0, figure.id).toBe(true)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
