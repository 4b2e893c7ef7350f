import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LARGE_ENTRIES, LARGE_MERGES, largeTokenizer } from '../../../test/fixtures/tokenizers/large-tokenizer.ts'
import { bpeTokenizer } from '../../../shared/core/tokenizer/bpe-tokenizer.ts'
import { LIMITS, MIB } from '../../../shared/protocol/limits.ts'
import { writeTokenizerFile } from '../../../shared/protocol/tokenizer-file.ts'

/** Node's heap, without the pointer compression that workerd has: what fits here fits there. */
const HEAP_MIB = 24
const BOUND_BYTES = 64 * MIB
const TEXT = 'Some text, with words that nobody has seen: Tokenisierung 世界 12345.'

/** Loads a file as the gateway does, in a process of its own, and says what its buffers take and what it gives for the text. */
const LOADER = `
import { readFileSync } from 'node:fs'
import { createBpeCodec, createTextCodec } from '${join(import.meta.dirname, 'text-codec.ts')}'
import { readTokenizerFile } from '${join(import.meta.dirname, '../../../shared/protocol/tokenizer-file.ts')}'
const [, , way, path] = process.argv
const bytes = Uint8Array.from(readFileSync(path))
const codec = way === 'tables' ? createBpeCodec(readTokenizerFile(bytes), {}) : createTextCodec(JSON.parse(new TextDecoder().decode(bytes)), {})
const ids = codec.encode(${JSON.stringify(TEXT)}, false)
console.log(JSON.stringify({ ids, text: codec.decode(ids), buffers: process.memoryUsage().arrayBuffers }))
`

describe('a tokenizer of 200,000 entries', () => {
  let folder = ''
  const source = largeTokenizer(7)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isomoe-tokenizer-'))
    await writeFile(join(folder, 'loader.ts'), LOADER)
    await build({
      entryPoints: [join(folder, 'loader.ts')],
      outfile: join(folder, 'loader.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      nodePaths: [join(import.meta.dirname, '../../../node_modules')],
    })
    await writeFile(join(folder, 'tables'), writeTokenizerFile(bpeTokenizer(source, LIMITS.vocabMax)))
    await writeFile(join(folder, 'json'), JSON.stringify(source))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function load(way: 'tables' | 'json', heapMib: number): Promise<{ readonly exit: number | null; readonly output: string }> {
    const child = spawn(process.execPath, [`--max-heap-size=${heapMib}`, join(folder, 'loader.mjs'), way, join(folder, way)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    await once(child, 'close')
    return { exit: child.exitCode, output }
  }

  it('[TX9] has the size of the largest in use', () => {
    const { vocab, merges } = source.model as { vocab: object; merges: unknown[] }
    expect([Object.keys(vocab).length + source.added_tokens!.length, merges.length]).toEqual([LARGE_ENTRIES, LARGE_MERGES])
  })

  it('[TX9] loads from its tables below 64 MiB, heap and buffers together; from its JSON it does not', async () => {
    const [tables, json, roomy] = await Promise.all([load('tables', HEAP_MIB), load('json', HEAP_MIB), load('json', 512)])
    expect(tables.exit).toBe(0)
    const { ids, text, buffers } = JSON.parse(tables.output) as { ids: number[]; text: string; buffers: number }
    expect(text).toBe(TEXT)
    expect(ids.length).toBeLessThan(TEXT.length)
    expect(HEAP_MIB * MIB + buffers).toBeLessThan(BOUND_BYTES)
    expect(json.exit).not.toBe(0) // so the limit is one
    expect(roomy.exit).toBe(0)
    expect((JSON.parse(roomy.output) as { ids: number[] }).ids).toEqual(ids)
  })
})
