import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { errorLine, exitCodeOf } from '../errors.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { loadCommand } from './command.ts'
import type { LoadReport } from './load-report.ts'
import { answerWell, event, startFakeServer } from './testing/fake-server.ts'

const folder = temporaryFolder()
const server = await startFakeServer(answerWell)
afterAll(() => server.close())
const closed = await startFakeServer(answerWell)
await closed.close()
const locked = await startFakeServer(answerWell, { apiKey: 'k3y' })
afterAll(() => locked.close())
// Refusals are read in this process: as the program does it, cli/main.ts.
loadCommand.exitOverride().configureOutput({ writeErr: () => undefined, outputError: () => undefined })

/** The real command, in a process of its own; `interruptAt` is sent SIGINT when its stderr says so. */
function load(args: readonly string[], { interruptAt = null as RegExp | null, env = {} as Record<string, string> } = {}) {
  const child = spawn(process.execPath, ['bin/isomoe.mjs', 'load', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (data: Buffer) => (said.stdout += data.toString()))
  child.stderr.on('data', (data: Buffer) => {
    said.stderr += data.toString()
    if (interruptAt?.test(said.stderr) && !child.killed) child.kill('SIGINT') // a second one would end it at once
  })
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => child.on('close', (code) => done({ code, ...said })))
}

const SHORT = ['--duration', '1', '--warmup', '0.2']

describe('isomoe load', () => {
  it('[LT8] against a server that is not ours: JSON, HTML and SVG of one run', async () => {
    const [html, svg, json] = ['r.html', 'r.svg', 'r.json'].map((name) => join(folder, name)) as [string, string, string]
    const files = ['--report', html, '--svg', svg, '--json', json, '--requests']
    const { code, stdout, stderr } = await load([
      '--url',
      server.url,
      ...SHORT,
      '--arrivals',
      'constant:20',
      '--mix',
      'shift',
      '--max-tokens',
      '5',
      '--slo',
      'ttft=5s',
      '--api-key',
      'k3y',
      '--admin-key',
      '4dmin',
      ...files,
    ])
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/^(load: .*\n)+$/) as string })
    expect(stdout).toContain('20 due, 20 answered, 0 failed, 0 not sent')
    expect(stdout).not.toMatch(/k3y|4dmin/)
    expect(server.adminKeys).toEqual(['Bearer 4dmin'])
    const report = JSON.parse(readFileSync(json, 'utf8')) as LoadReport
    expect(report).toMatchObject({
      schema: 'isomoe.load/1',
      target: { url: `${server.url}/`, model: 'fake', api: 'completions' },
      interrupted: false,
      cluster: null,
      mix: {
        name: 'shift',
        phases: [
          { fromMs: 0, weights: { story: 1 } },
          { fromMs: 500, weights: { story: 0.1, german: 0.9 } },
        ],
      },
      summary: {
        all: { requests: 20, ok: 20, outputTokens: 100, promptTokens: 140, cachedTokens: 40, goodput: { met: 20, share: 1 } },
        selfCheck: { withoutUsage: 0, morePiecesThanTokens: 0, fewerPiecesThanTokens: 0 },
      },
    })
    expect(report.requests).toHaveLength(24) // the warm-up's, too
    expect(JSON.stringify(report)).not.toMatch(/k3y|4dmin/)
    expect(readFileSync(html, 'utf8')).toContain('<td>20</td>')
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg/)
  })

  it('[LT3] the same seed sends the same requests, another seed others', async () => {
    const sent = async (seed: number) => {
      const before = server.requests.length
      const { code } = await load(['--url', server.url, '--duration', '0.5', '--warmup', '0', '--arrivals', 'poisson:60', '--seed', String(seed)])
      expect(code).toBe(0)
      return server.requests.slice(before).toSorted((a, b) => a.seed - b.seed) // connections may overtake each other
    }
    const first = await sent(5)
    expect(first.length).toBeGreaterThan(10)
    expect(await sent(5)).toEqual(first)
    expect(await sent(6)).not.toEqual(first)
  })

  it('[LT1] a trace file, the chat API, and JSON in place of the text', async () => {
    const trace = join(folder, 'trace.csv')
    writeFileSync(trace, `TIMESTAMP,ContextTokens,GeneratedTokens\n${[0, 1, 2, 3].map((s) => `2024-01-01 00:00:0${s},30,${s + 2}`).join('\n')}\n`)
    const { stdout } = await load([
      '--url',
      `${server.url}/v1/`,
      '--api',
      'chat',
      '--model',
      'fake',
      '--arrivals',
      trace,
      '--rate-scale',
      '4',
      '--duration',
      '1',
      '--warmup',
      '0',
      '--json',
    ])
    const report = JSON.parse(stdout) as LoadReport
    expect(report.summary.all).toMatchObject({ requests: 4, ok: 4, outputTokens: 2 + 3 + 4 + 5 })
    expect(server.requests.at(-1)!.messages).toHaveLength(1)
  })

  it('[LT4] usage may be missing, and every failure is counted', async () => {
    let asked = 0
    const odd = await startFakeServer((response, body, request) => {
      if (++asked % 2 === 0) return void response.writeHead(429).end('{"error":{"code":"overloaded"}}')
      if (asked % 3 === 0) return answerWell(response, body, request)
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(event({ choices: [{ text: 'a' }] }) + event({ choices: [{ text: 'b', finish_reason: 'stop' }] }))
    })
    const { stdout } = await load(['--url', odd.url, '--duration', '1', '--warmup', '0', '--arrivals', 'constant:12'])
    await odd.close()
    expect(stdout).toContain('12 due, 6 answered, 6 failed, 0 not sent')
    expect(stdout).toContain('Failed: 6 × http-429:overloaded.')
    expect(stdout).toContain('4 answers had no usage')
  })

  it('[LT2] connections are bounded, what could not be sent is said', async () => {
    const hanging = await startFakeServer(() => undefined)
    const { code, stdout, stderr } = await load([
      '--url',
      hanging.url,
      '--duration',
      '1',
      '--warmup',
      '0',
      '--arrivals',
      'constant:10',
      '--connections',
      '2',
      '--timeout',
      '1.2',
      '--slo',
      'ttft=10s',
    ])
    await hanging.close()
    expect(stdout).toContain('10 due, 0 answered, 2 failed, 8 not sent')
    expect(stdout).toContain('8 requests were not sent: 2 were under way')
    expect(stdout).toContain('0.0 % of requests')
    expect(stderr.trimEnd()).toMatch(/^isomoe: no request was answered \(nothing-answered\)$/m)
    expect(code).toBe(1)
  })

  it('[LT8] Ctrl-C ends the run and reports what there is', async () => {
    const { code, stdout } = await load(['--url', server.url, '--duration', '600', '--warmup', '0', '--arrivals', 'closed:2', '--json'], {
      interruptAt: /open/,
    })
    const report = JSON.parse(stdout) as LoadReport
    expect(code).toBe(130)
    expect(report.interrupted).toBe(true)
    expect(report.durationMs).toBeLessThan(60_000)
  })

  it.each([
    [['--url', 'ftp://x'], 2, /Expected an http or https URL/],
    [['--url', closed.url], 1, /ECONNREFUSED.*\(server-refused\)$/],
    [['--url', locked.url], 1, /status 401: an API key is needed \(--api-key\) \(server-refused\)$/],
    [['--url', server.url, '--arrivals', 'poisson:0'], 2, /number from 0.001/],
    [['--url', server.url, '--arrivals', 'nothing.csv'], 1, /nothing.csv is neither a file nor poisson:R, .*\(trace-invalid\)$/],
    [['--url', server.url, '--arrivals', '/dev/zero'], 1, /not a file.*\(path-refused\)$/],
    [['--url', server.url, '--mix', 'nothing'], 1, /neither a file nor a built-in mix.*\(mix-invalid\)$/],
    [['--url', server.url, '--slo', 'itl=5'], 2, /Expected limits as/],
    [['--url', server.url, '--arrivals', 'constant:10000', '--duration', '3600'], 1, /more than 250000 requests.*\(load-too-long\)$/],
    [['--url', server.url, '--requests'], 2, /--requests needs --json/],
    [['--url', server.url, '--rate-scale', '2'], 2, /are for traces/],
    [['--url', server.url, '--report', join(folder, 'nowhere', 'r.html')], 1, /no such file.*\(ENOENT\)$/],
  ])('[CL1] %j is refused in one line, before anything is sent', async (args, code, message) => {
    const sentBefore = server.requests.length
    const error: unknown = await loadCommand.parseAsync(args, { from: 'user' }).catch((thrown: unknown) => thrown)
    expect(errorLine(error)).toMatch(message)
    expect(errorLine(error)).not.toContain('\n')
    expect(exitCodeOf(error)).toBe(code)
    expect(server.requests).toHaveLength(sentBefore)
  })
})
