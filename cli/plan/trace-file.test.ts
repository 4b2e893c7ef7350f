import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { RoutingTrace } from '../../shared/placement/routing-trace.ts'
import { CliError } from '../errors.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { readTrace, writeCompactTrace } from './trace-file.ts'

const FILE = join(temporaryFolder(), 'trace')
const SHAPE = { layers: 2, experts: 4, topK: 3 }
/** Two sequences, of two tokens and of one: [layers, tokens, topK]. */
const TRACE: RoutingTrace = { ...SHAPE, steps: [2, 1], tokens: 3, ids: Uint8Array.of(0, 1, 2, 1, 2, 3, 2, 3, 0, 3, 2, 1, 2, 1, 0, 1, 0, 3) }
/** The same, [tokens, layers, topK] in each. */
const LINES = [sequenceLine(2, [0, 1, 2, 3, 2, 1, 1, 2, 3, 2, 1, 0]), sequenceLine(1, [2, 3, 0, 1, 0, 3])]

it('[SI3] the compact form gives the trace back, compressed or not', async () => {
  const bytes = writeCompactTrace(TRACE, { source: 'a test' })
  for (const file of [bytes, gzipSync(bytes)]) expect(await readBytes(file)).toEqual(TRACE)
})

it('[SI3] JSON lines give the same trace, with or without a last newline', async () => {
  expect(await readBytes(gzipSync(`${LINES.join('\n')}\n`))).toEqual(TRACE)
  expect(await readBytes(Buffer.from(LINES.join('\n')))).toEqual(TRACE)
})

it.each([
  ['nothing', Buffer.alloc(0), 'no tokens'],
  ['a text', Buffer.from('hello\nworld\n'), 'line 1 is no JSON with steps and experts_b64'],
  ['a wrong count', Buffer.from(`${LINES[0]}\n${sequenceLine(2, [2, 3, 0, 1, 0, 3])}\n`), 'line 2 has 6 ids; 2 steps of 2 layers, top 3, are 12: see --shape'],
  ['an expert too many', Buffer.from(sequenceLine(1, [2, 4, 0, 1, 0, 3])), 'expert 4 where there are 4'],
  ['a short body', writeCompactTrace({ ...TRACE, ids: TRACE.ids.subarray(1) }, {}), '17 ids; 3 tokens of 2 layers, top 3, are 18'],
  ['steps that overflow', writeCompactTrace({ ...TRACE, steps: [2, 2 ** 53] }, {}), 'steps are not counts of tokens'],
  ['too many layers', writeCompactTrace({ ...TRACE, layers: 513 }, {}), 'layers must be 1 to 512'],
  ['top-k above the experts', writeCompactTrace({ ...TRACE, topK: 5 }, {}), 'top-k must be 1 to 4'],
  ['a broken gzip', gzipSync(writeCompactTrace(TRACE, {})).subarray(0, 40), 'cannot be unpacked: unexpected end of file'],
  ['a gzip that unpacks to more than allowed', gzipSync(Buffer.alloc(2 ** 28 + 1)), 'cannot be unpacked: Cannot create a Buffer larger than 268435456 bytes'],
])('[SI3] refuses %s', async (_name, bytes, message) => {
  await expect(readBytes(bytes)).rejects.toMatchObject({ code: 'trace-invalid', message: expect.stringContaining(message) })
})

it('[SI3] whatever the bytes, a trace or trace-invalid', async () => {
  const good = writeCompactTrace(TRACE, {})
  const arbBytes = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length)).map(([at, byte, length]) => {
    const bytes = Buffer.from(good)
    bytes[at] = byte
    return bytes.subarray(0, length)
  })
  await fc.assert(
    fc.asyncProperty(arbBytes, async (bytes) => {
      const trace = await readBytes(bytes).catch((error: unknown) => error)
      if (trace instanceof CliError) expect(trace.code).toBe('trace-invalid')
      else expect(trace).toMatchObject({ tokens: expect.any(Number), ids: expect.any(Uint8Array) })
    }),
  )
})

async function readBytes(bytes: Uint8Array): Promise<RoutingTrace> {
  await writeFile(FILE, bytes)
  const trace = await readTrace(FILE, SHAPE)
  return { ...trace, ids: Uint8Array.from(trace.ids) } // a Buffer is not equal to an array of the same bytes
}

function sequenceLine(steps: number, ids: readonly number[]): string {
  return JSON.stringify({ prompt: 'p', steps, experts_b64: Buffer.from(ids).toString('base64') })
}
