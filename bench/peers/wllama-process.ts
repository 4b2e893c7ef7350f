import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { installedVersion } from './install.ts'
import { serveLines } from './serve-lines.ts'
import type { PeerRun, PeerTimes } from './peer-api.ts'

/** The parts of playwright-core and of the page that are used; their own types are not there where they are not installed. */
interface Page {
  goto(url: string): Promise<unknown>
  evaluate<A, R>(inPage: (argument: A) => Promise<R>, argument: A): Promise<R>
}
interface Browser {
  newPage(): Promise<Page>
  version(): string
  close(): Promise<void>
}
interface Playwright {
  chromium: { launch(options: { executablePath: string; headless: boolean; args: string[] }): Promise<Browser> }
}
interface Wllama {
  loadModel(blobs: Blob[], options: Record<string, unknown>): Promise<void>
  createCompletion(options: Record<string, unknown>): Promise<void>
  getNumThreads(): number
}

interface Chunk {
  readonly choices: readonly { readonly finish_reason?: string | null }[]
}

const PACKAGE = join(import.meta.dirname, 'node_modules/@wllama/wllama/esm')
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.wasm': 'application/wasm' }

/** wllama, that is llama.cpp in WASM, in a headless Chromium on one thread. usage: node wllama-process.ts <model.gguf> <chromium> */
const [model, executablePath] = process.argv.slice(2) as [string, string]
const packageName: string = 'playwright-core' // not a literal below: the compiler would look for it
const { chromium } = (await import(packageName)) as Playwright
const server = createServer((request, response) => void serveFile(request.url ?? '/', response))
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox', '--disable-gpu'] })
try {
  const page = await browser.newPage()
  await page.goto(base)
  const threads = await page.evaluate(loadInPage, base)
  await serveLines({ version: `wllama ${installedVersion('@wllama/wllama')}, Chromium ${browser.version()}, threads: ${threads}` }, (run) =>
    page.evaluate(runInPage, textRun(run)),
  )
} finally {
  await browser.close()
  server.close()
}

/** Without the headers of a cross-origin isolated page there is no SharedArrayBuffer, so wllama has one thread. */
async function serveFile(url: string, response: ServerResponse): Promise<void> {
  const path = normalize(url.split('?')[0]!)
  if (path === '/') return void response.setHeader('content-type', 'text/html').end('<!doctype html><title>wllama</title>')
  const file = path === '/model.gguf' ? model : join(PACKAGE, path)
  const found = await stat(file).catch(() => null)
  if (!found?.isFile()) return void response.writeHead(404).end()
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream').setHeader('content-length', found.size)
  createReadStream(file).pipe(response)
}

/** wllama takes text. Ids of our prompts are those of lower-case letters, one token each. */
function textRun({ prompt, maxTokens }: PeerRun): { readonly text: string; readonly maxTokens: number } {
  return { text: String.fromCharCode(...prompt), maxTokens }
}

/** Runs in the page: closes over nothing. */
async function loadInPage(origin: string): Promise<number> {
  const { Wllama: Constructor } = (await import(`${origin}/index.js`)) as { Wllama: new (paths: Record<string, string>) => Wllama }
  const wllama = new Constructor({ default: `${origin}/wasm/wllama.wasm` })
  const blob = await (await fetch(`${origin}/model.gguf`)).blob()
  await wllama.loadModel([blob], { n_ctx: 1024, n_batch: 512, n_threads: 1, n_gpu_layers: 0, n_parallel: 1, warmup: true })
  Object.assign(globalThis, { wllama })
  return wllama.getNumThreads()
}

/** Runs in the page: closes over nothing. */
async function runInPage({ text, maxTokens }: { readonly text: string; readonly maxTokens: number }): Promise<PeerTimes> {
  const { wllama } = globalThis as unknown as { wllama: Wllama }
  const atMs: number[] = []
  const startMs = performance.now()
  await wllama.createCompletion({
    prompt: text,
    max_tokens: maxTokens,
    temperature: 0,
    cache_prompt: false,
    ignore_eos: true,
    stream: true,
    onData: (chunk: Chunk) => {
      if (!chunk.choices[0]?.finish_reason) atMs.push(performance.now() - startMs) // the last chunk has no token
    },
  })
  return { atMs }
}
