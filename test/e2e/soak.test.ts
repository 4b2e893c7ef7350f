import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { backToBase, heldState, residentBytes } from './base-state.ts'
import type { HeldState } from './base-state.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'
import { head, openSocket } from './raw-socket.ts'
import { MARK, play, soakRequest } from './soak.ts'

const MODEL = 'isomoe-demo'
/** One after the other, and as many again at once. More: SOAK_REQUESTS (docs/design/security.md). */
const REQUESTS = Number(process.env['SOAK_REQUESTS'] ?? 1000)
const AT_ONCE = 64
const SEED = 20_261_122

let folder: string
let instance: Instance
let base: HeldState

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isomoe-soak-'))
  instance = await startInstance([], folder)
  for (let i = 0; i < 9; i++) await play(instance.url, { ...soakRequest(1, i), leaving: 'never' }) // experts, grammars and sessions are there
  base = await heldState(instance)
})

afterAll(async () => {
  await instance.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Plays requests `from` to `to`, so many at a time; statuses and how often. */
async function soak(from: number, to: number, atOnce: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  let next = from
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < to) {
        const status = String(await play(instance.url, soakRequest(SEED, next++)))
        counts[status] = (counts[status] ?? 0) + 1
      }
    }),
  )
  return counts
}

/** Eight streams at once: their texts. */
async function eightStreams(): Promise<string[]> {
  const fields = { model: MODEL, prompt: 'Once upon a time', max_tokens: 16, stream: true, ignore_eos: true }
  const ask = async (_: unknown, seed: number) => {
    const response = await fetch(`${instance.url}/v1/completions`, { method: 'POST', body: JSON.stringify({ ...fields, seed }) })
    const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: {'))
    return events.map((event) => (JSON.parse(event.slice('data: '.length)) as { choices: { text: string }[] }).choices[0]!.text).join('')
  }
  return Promise.all(Array.from({ length: 8 }, ask))
}

it('[SE3] who does not read is cut off by name, and eight streams beside it have the same texts', async () => {
  const alone = await eightStreams()
  expect(new Set(alone).size).toBeGreaterThan(4)
  // Straight to workerd: the relay's sockets would take some megabytes more (docs/design/security.md).
  const slow = openSocket(`http://127.0.0.1:${(await instance.processes())[0]!.port}`).pause()
  const body = JSON.stringify({
    model: MODEL,
    messages: [{ role: 'user', content: 'Tell me a story' }],
    n: 16,
    max_tokens: 900,
    ignore_eos: true,
    logprobs: true,
    top_logprobs: LIMITS.logprobsMax,
    stream: true,
  })
  slow.write(head('POST /v1/chat/completions', ['Connection: close', `Content-Length: ${body.length}`]) + body)
  while ((await heldState(instance)).running === 0) await setImmediate()
  while ((await heldState(instance)).running > 0) expect(await eightStreams()).toEqual(alone)
  let answer = ''
  slow.on('data', (data: Buffer) => (answer += data.toString('latin1'))).resume()
  await new Promise((done) => slow.on('close', done))
  console.info(`a slow reader was left ${(answer.length / 1e6).toFixed(1)} MB`)
  expect(answer.match(/^data: .*$/gm)!.at(-1)).toContain('"code":"slow_reader"')
  expect(answer).not.toContain('[DONE]')
  await backToBase(instance, base)
})

it(`[SE4] ${REQUESTS} requests one after the other, and as many ${AT_ONCE} at a time, left at any moment, leave nothing behind`, async () => {
  const before = await residentBytes(instance)
  const counts = [await soak(0, REQUESTS, 1), await soak(REQUESTS, 2 * REQUESTS, AT_ONCE)]
  await backToBase(instance, base)
  for (const { '200': answered = 0, null: left = 0, ...others } of counts) {
    expect(others).toEqual({}) // also none refused: no slot was lost on the way
    expect(answered + left).toBe(REQUESTS)
    expect(Math.min(answered, left)).toBeGreaterThan(REQUESTS / 10)
  }
  const after = await residentBytes(instance)
  console.info(`resident: ${Math.round(before / 2 ** 20)} MiB before, ${Math.round(after / 2 ** 20)} MiB after ${2 * REQUESTS} requests`)
  const lines = (await instance.log()).split('\n').filter((line) => !line.includes('"code":"loading"')) // of before it was ready
  expect(lines.filter((line) => line.startsWith('error'))).toEqual([])
})

it('[SE6] nothing of their prompts and keys is in logs, states, metrics or errors', async () => {
  const complete = (prompt: unknown) =>
    fetch(`${instance.url}/v1/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer imk_${MARK}` },
      body: JSON.stringify({ model: MODEL, prompt }),
    })
  const refusals = await Promise.all([complete(MARK.repeat(1000)), complete([MARK, 5]), complete({ text: MARK })].map(async (answer) => (await answer).text()))
  for (const refusal of refusals) expect(refusal).toContain('"error"')
  const places = await Promise.all(['/admin/state', '/metrics', '/health', '/v1/models'].map(async (path) => (await fetch(instance.url + path)).text()))
  const files = await Promise.all(['workers.log', 'processes.json'].map((name) => readFile(join(folder, name), 'utf8')))
  expect(files[0]!.split('\n').length).toBeGreaterThan(REQUESTS)
  for (const said of [...refusals, ...places, ...files, instance.printed]) expect(said).not.toContain(MARK)
})

it('[SE4] the journal has no entry of a request that is over', async () => {
  expect(await instance.stop()).toBe(0)
  expect((await journalKeys()).filter((key) => key !== 'journal/last-write')).toEqual([])
})

/** What the engine's object has on disk. */
async function journalKeys(): Promise<string[]> {
  const objects = join(folder, 'state/do/isomoe-engine-Engine')
  const [file] = (await readdir(objects)).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
  const database = new DatabaseSync(join(objects, file!), { readOnly: true })
  const rows = database.prepare("SELECT key FROM _cf_KV WHERE key LIKE 'journal/%'").all()
  database.close()
  return rows.map(({ key }) => String(key))
}
