import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'

const PROMPTS = ['Once upon a time', 'def main():\n    ', 'Es war einmal']
const BODY = { model: 'isomoe-demo', max_tokens: 200, temperature: 0.8, seed: 5, ignore_eos: true }

/** What one process gives for each prompt. */
let alone: string[] = []
let instance: Instance

beforeAll(async () => {
  const one = await startInstance(['--hosts', '3'])
  alone = await Promise.all(PROMPTS.map((prompt) => complete(one.url, prompt)))
  await one.stop()
  instance = await startInstance(['--hosts', '3', '--standby', '1', '--processes', '4', '--placement', 'spread'])
})

afterAll(async () => {
  const pids = (await instance.processes()).map(({ pid }) => pid)
  expect(await instance.stop()).toBe(0)
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH') // no workerd is left behind
})

async function post(url: string, body: object): Promise<Response> {
  return fetch(`${url}/v1/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...BODY, ...body }) })
}

async function complete(url: string, prompt: string): Promise<string> {
  const response = await post(url, { prompt })
  const answer = (await response.json()) as { choices?: { text: string }[] }
  if (!answer.choices) throw new Error(JSON.stringify(answer))
  return answer.choices[0]!.text
}

/** Asks until it is answered: connections to a gateway that is gone break. */
async function completeInTime(prompt: string): Promise<string> {
  for (let tries = 0; ; tries++) {
    try {
      return await complete(instance.url, prompt)
    } catch (error) {
      if (tries === 2000) throw error
      await setImmediate()
    }
  }
}

async function kill(script: string): Promise<{ pid: number; backAs: () => Promise<number> }> {
  const find = async () => (await instance.processes()).find(({ scripts }) => scripts.includes(script))!.pid
  const pid = await find()
  process.kill(pid, 'SIGKILL')
  const backAs = async () => {
    let now = await find()
    while (now === pid) now = await find() // the test's own time bounds it
    return now
  }
  return { pid, backAs }
}

/** Text of a stream; `onText` is told once the first has come. */
async function readStream(prompt: string, onText: () => Promise<unknown>): Promise<string> {
  const response = await post(instance.url, { prompt, stream: true })
  const decoder = new TextDecoder()
  let [unread, text, told] = ['', '', false]
  for await (const bytes of response.body!) {
    const events = (unread + decoder.decode(bytes, { stream: true })).split('\n\n')
    unread = events.pop()!
    for (const data of events.map((event) => event.slice('data: '.length)).filter((event) => event !== '[DONE]')) {
      const { choices } = JSON.parse(data) as { choices?: { text: string }[] }
      if (!choices) throw new Error(`after ${text.length} characters: ${data}`)
      text += choices[0]?.text ?? ''
    }
    if (text !== '' && !told) await onText()
    told ||= text !== ''
  }
  return text
}

it('[CL9] prints who runs where, with pids that may be killed', async () => {
  const scripts = ['isomoe-gateway isomoe-autoscaler isomoe-limiter isomoe-grammar', 'isomoe-engine', 'expert-00 expert-02', 'expert-01 expert-03']
  const processes = await instance.processes()
  expect(processes.map((process) => process.scripts.join(' '))).toEqual(scripts)
  for (const [i, { pid }] of processes.entries()) expect(instance.printed).toContain(`process ${i}, pid ${pid}: ${scripts[i]}\n`)
  expect(instance.printed).toMatch(/^ready \S+ isomoe-demo q8 on 3 hosts, 1 standby, 4 processes$/m)
})

it('[CL8] a standby is in the plan with nothing on it', () => {
  expect(instance.printed).toMatch(/^expert-03 +0 B +84\.0 MiB +standby$/m)
})

it('[CL5] four processes give the text of one', async () => {
  expect(await Promise.all(PROMPTS.map((prompt) => complete(instance.url, prompt)))).toEqual(alone)
})

it('[CL6] a host process that is killed mid-stream is started again, and the stream goes on with the same text', async () => {
  let killed: Awaited<ReturnType<typeof kill>> | null = null
  expect(await readStream(PROMPTS[0]!, async () => (killed = await kill('expert-01')))).toBe(alone[0])
  expect(await killed!.backAs()).not.toBe(killed!.pid)
  expect(await completeInTime(PROMPTS[0]!)).toBe(alone[0])
})

it('[CL6] while the engine is gone the gateway answers, and afterwards the text is the same', async () => {
  const { backAs } = await kill('isomoe-engine')
  const health = await fetch(`${instance.url}/health`)
  expect(health.headers.get('x-request-id')).not.toBeNull() // it is the gateway that says whatever it says
  await backAs()
  expect(await completeInTime(PROMPTS[1]!)).toBe(alone[1])
})

it('[CH1] hosts and the engine are killed one after the other under streams: every request is answered, with the text of one process', async () => {
  let over = false
  const clients = PROMPTS.map(async (prompt, i) => {
    do expect(await readStream(prompt, async () => undefined)).toBe(alone[i])
    while (!over)
  })
  for (const script of ['expert-00', 'isomoe-engine', 'expert-01']) await (await kill(script)).backAs()
  over = true
  await Promise.all(clients)
})

it('[CL6] a gateway that is killed is back on the same port', async () => {
  const { backAs } = await kill('isomoe-gateway')
  await backAs()
  expect(await completeInTime(PROMPTS[2]!)).toBe(alone[2])
})
