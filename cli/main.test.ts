import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './testing/temporary-folder.ts'
import { shardFiles, TINY_CONFIG, tinyTensors, writeFolder } from './testing/tiny-checkpoint.ts'
import type { FolderFiles } from './testing/tiny-checkpoint.ts'

const root = temporaryFolder()
const tiny = writeFolder(join(root, 'tiny'), { extra: { 'tokenizer.json': '{"model":{}}' } })

/** The real command, in a process of its own. */
function isomoe(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/isomoe.mjs', ...args], { encoding: 'utf8' })
  return { status, stdout, lines: stderr.split('\n').filter((line) => line !== '') }
}

/** Packs a folder that must be refused: one line, exit code 1, and no trace of a pack. */
function expectRefused(from: string, message: RegExp): void {
  const place = `${from}-out`
  mkdirSync(place)
  const { status, stdout, lines } = isomoe('pack', from, '--out', join(place, 'pack'))
  const errors = lines.filter((line) => !line.startsWith('isomoe: warning: ') && !line.startsWith('pack: '))
  expect(errors).toEqual([expect.stringMatching(message)])
  expect({ status, stdout, left: readdirSync(place) }).toEqual({ status: 1, stdout: '', left: [] })
}

describe('usage', () => {
  it('[CL1] --help and --version answer on stdout with exit code 0', () => {
    expect(isomoe('--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), lines: [] })
    expect(isomoe('pack', '--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--tiers'), lines: [] })
  })

  const cases: [args: string[], message: string][] = [
    [[], 'a command is missing'],
    [['frob'], "unknown command 'frob'"],
    [['pack', '--out', 'y'], "missing required argument 'hf-dir'"],
    [['pack', 'x'], "required option '--out <dir>' not specified"],
    [['pack', 'x', '--out', 'y', '--tiers', 'q8,q3'], 'Tiers are q8, q4, f32'],
    [['inspect', 'x', '--frob'], "unknown option '--frob'"],
    [['dev', '--processes', '7'], '4 hosts fill 6 processes at most'],
    [['dev', '--hosts', '470', '--standby', '11'], '470 hosts and 11 standby are more than 480'],
    [['dev', '--host-rate', '99999'], 'Expected a whole number from 100000'],
  ]
  for (const [args, message] of cases) {
    it(`[CL1] isomoe ${args.join(' ')}: one line, exit code 2`, () => {
      const { status, stdout, lines } = isomoe(...args)
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(lines).toEqual([expect.stringMatching(/^isomoe: .* \(usage\)$/)])
      expect(lines[0]).toContain(message)
    })
  }
})

it('[CL1] pack and inspect: result on stdout, progress in plain lines on stderr', () => {
  const out = join(root, 'packed')
  const packed = isomoe('pack', tiny, '--out', out, '--name', 'tiny-1', '--tiers', 'q8,f32')
  expect(packed).toMatchObject({ status: 0, stdout: expect.stringMatching(/^packed tiny-1 \(q8, q4, f32\): .*\ndigest [0-9a-f]{64}\n$/) })
  expect(packed.lines).toEqual([
    'pack: trunk (0 % done)',
    expect.stringMatching(/^pack: experts, layer 1 of 2/),
    expect.stringMatching(/^pack: experts, layer 2 of 2/),
  ])
  const summary = isomoe('inspect', out, '--json')
  expect(JSON.parse(summary.stdout)).toMatchObject({ name: 'tiny-1', family: 'mixtral', experts: 3, tokenizer: true, chatTemplate: false })
  expect(isomoe('inspect', out)).toMatchObject({ status: 0, lines: [], stdout: expect.stringContaining('hosts at 84.0 MiB') })
})

it('[CL1] inspect of a folder that is no pack: one line, exit code 1', () => {
  expect(isomoe('inspect', tiny)).toEqual({
    status: 1,
    stdout: '',
    lines: [expect.stringMatching(/is not a pack: it has no manifest.json \(manifest-invalid\)$/)],
  })
})

describe('pack refuses by name, through the real command', () => {
  const tensors = tinyTensors()
  const without = (name: string) => new Map([...tensors].filter(([key]) => key !== name))
  const w1 = 'model.layers.1.block_sparse_moe.experts.2.w1.weight'
  const { bytes } = tensors.get(w1)!
  const nan = Uint8Array.from(bytes).fill(0x7f, 0, 2).fill(0xff, 0, 1)

  const cases: [what: string, files: FolderFiles, message: RegExp][] = [
    ['an unknown family', { config: { ...TINY_CONFIG, model_type: 'frobmoe' }, tensors }, /frobmoe.*\(manifest-invalid\)$/],
    ['a config that is no JSON', { extra: { 'config.json': '{' } }, /config.json is not JSON.*\(checkpoint-invalid\)$/],
    ['a missing tensor', { tensors: without(w1) }, /tensor model\.layers\.1\.block_sparse_moe\.experts\.2\.w1\.weight is missing \(checkpoint-invalid\)$/],
    ['an extra tensor', { tensors: new Map([...tensors, ['model.extra', tensors.get(w1)!]]) }, /tensor model.extra is not one of this mixtral model/],
    [
      'a wrong shape',
      { tensors: new Map([...tensors, [w1, { dtype: 'BF16', shape: [36, 20], bytes }]]) },
      /w1.weight has the shape \[36, 20\], the config implies \[20, 36\]/,
    ],
    ['a NaN', { tensors: new Map([...tensors, [w1, { dtype: 'BF16', shape: [20, 36], bytes: nan }]]) }, /w1.weight has an infinite or NaN value at element 0/],
    ['an element type', { tensors: new Map([...tensors, [w1, { dtype: 'I16', shape: [20, 36], bytes }]]) }, /w1.weight has the type "I16"/],
    ['a broken tokenizer', { extra: { 'tokenizer.json': 'no' } }, /tokenizer.json is not JSON/],
    ['a broken generation_config', { extra: { 'generation_config.json': '{"top_p":7}' } }, /generation_config.json: top_p/],
  ]
  for (const [what, files, message] of cases) {
    it(`[PK5] ${what}`, () => expectRefused(writeFolder(join(root, what.replaceAll(' ', '-')), files), message))
  }

  it('[PK5] a truncated file', () => {
    const from = writeFolder(join(root, 'truncated'))
    const file = join(from, 'model.safetensors')
    spawnSync('truncate', ['-s', '-10', file])
    expectRefused(from, /model.safetensors: it is truncated/)
  })

  it('[PK5] a folder without weights, and a folder that is not there', () => {
    const from = writeFolder(join(root, 'no-weights'))
    rmSync(join(from, 'model.safetensors'))
    expectRefused(from, /has neither model.safetensors nor model.safetensors.index.json/)
    expectRefused(join(root, 'nowhere'), /nowhere is not a folder/)
  })

  it('[PK5] a name that cannot be a model id', () => {
    const { status, lines } = isomoe('pack', tiny, '--out', join(root, 'unnamed'), '--name', '../x')
    expect({ status, lines }).toEqual({ status: 1, lines: [expect.stringMatching(/cannot be a model id.*\(name-invalid\)$/)] })
  })

  it('[PK9] a target that holds something else', () => {
    const { status, lines } = isomoe('pack', tiny, '--out', tiny)
    expect({ status, lines }).toEqual({ status: 1, lines: [expect.stringMatching(/choose another folder \(out-refused\)$/)] })
  })
})

it('[PK9] a pack that is stopped half-way leaves nothing behind', async () => {
  const large = { ...TINY_CONFIG, hidden_size: 256, intermediate_size: 256, num_attention_heads: 4, num_hidden_layers: 6, num_local_experts: 8 }
  const from = writeFolder(join(root, 'large'), { config: large })
  const place = join(root, 'stopped')
  mkdirSync(place)
  const child = spawn(process.execPath, ['bin/isomoe.mjs', 'pack', from, '--out', join(place, 'pack')], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise((done) => child.on('exit', (code) => done(code)))
  let stderr = ''
  let during: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    if (!stderr.includes('layer 1 of 6') || child.killed) return
    during = readdirSync(place)
    child.kill('SIGTERM')
  })
  expect(await ended).toBe(143)
  expect(during).toEqual([expect.stringMatching(/^\.pack\.packing-/)])
  expect(readdirSync(place)).toEqual([])
})

describe('an index may name only plain files of its folder', () => {
  /** Shards of which the second is called `name`. */
  function shardedAs(folder: string, name: string): string {
    const shards = shardFiles(tinyTensors(), 2)
    const index = String(shards['model.safetensors.index.json']).replaceAll('model-2-of-2.safetensors', JSON.stringify(name).slice(1, -1))
    const from = writeFolder(join(root, folder), { extra: { ...shards, 'model.safetensors.index.json': index } })
    rmSync(join(from, 'model.safetensors'))
    return from
  }

  const cases: [what: string, name: string][] = [
    ['a folder above', '../shard.safetensors'],
    ['a folder below', 'sub/shard.safetensors'],
    ['an absolute path', '/etc/passwd'],
    ['a Windows path', '..\\shard.safetensors'],
    ['the folder itself', '..'],
    ['no name', ''],
    ['a NUL', 'shard\0.safetensors'],
    ['a very long name', 'x'.repeat(256)],
  ]
  for (const [what, name] of cases) {
    it(`[PK6] ${what}`, () => expectRefused(shardedAs(what.replaceAll(' ', '-'), name), /is not the plain name of a file \(path-refused\)$/))
  }

  it('[PK6] a link that leaves the folder, though the file is a good one', () => {
    const from = shardedAs('linked', 'linked.safetensors')
    writeFileSync(join(root, 'outside.safetensors'), shardFiles(tinyTensors(), 2)['model-2-of-2.safetensors']!)
    symlinkSync('../outside.safetensors', join(from, 'linked.safetensors'))
    expectRefused(from, /linked.safetensors is a link that leaves the folder.*\(path-refused\)$/)
  })

  it('[PK6] a link inside the folder is fine', () => {
    const from = shardedAs('linked-inside', 'linked.safetensors')
    symlinkSync('model-2-of-2.safetensors', join(from, 'linked.safetensors'))
    const out = join(root, 'linked-inside-out')
    expect(isomoe('pack', from, '--out', out).status).toBe(0)
    expect(existsSync(join(out, 'manifest.json'))).toBe(true)
  })

  it('[PK6] a folder that has the name of a shard, and a shard that is not there', () => {
    const from = shardedAs('odd', 'odd.safetensors')
    expectRefused(from, /odd.safetensors is missing \(checkpoint-invalid\)$/)
    rmSync(`${from}-out`, { recursive: true })
    mkdirSync(join(from, 'odd.safetensors'))
    expectRefused(from, /odd.safetensors is not a regular file \(path-refused\)$/)
  })
})
