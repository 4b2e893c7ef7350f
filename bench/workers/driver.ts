import type { EngineApi, GenerateEvent } from '../../shared/protocol/engine-api.ts'
import type { DriverCall, DriverRun, DriverTimes } from '../cluster/driver-api.ts'

interface DriverEnv {
  readonly ENGINE: DurableObjectNamespace
}

/** Stands in the gateway's place and asks the engine for tokens as the gateway does, without HTTP, SSE or a tokenizer in the measured time. */
export default {
  async fetch(request: Request, env: DriverEnv): Promise<Response> {
    const engine = env.ENGINE.getByName('engine-0')
    const body: unknown = await request.json()
    if (new URL(request.url).pathname === '/generate') return Response.json(await generate(engine as unknown as EngineApi, body as DriverRun))
    const { method, args } = body as DriverCall
    return Response.json((await (engine as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!(...args)) ?? null)
  },
} satisfies ExportedHandler<DriverEnv>

async function generate(engine: EngineApi, run: DriverRun): Promise<DriverTimes> {
  const requestId = crypto.randomUUID()
  const startMs = performance.now()
  const answer = await engine.generate({
    requestId,
    prompts: run.prompts,
    n: 1,
    maxTokens: run.maxTokens,
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1 },
    adjustments: null,
    grammar: null,
    stopTokens: [],
    logprobs: null,
    echo: false,
  })
  if (!answer.ok) throw new Error(`${answer.error.code}: ${answer.error.message}`)
  const tokens: DriverTimes['tokens'] = []
  for await (const event of eventsOf(answer.value.stream)) {
    if (event.type === 'error') throw new Error(`${event.error.code}: ${event.error.message}`)
    if (event.type === 'token') tokens.push({ index: event.index, atMs: performance.now() - startMs })
  }
  await engine.cancel(requestId, null)
  return { tokens }
}

async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<GenerateEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop()!
    for (const line of lines) yield JSON.parse(line) as GenerateEvent
  }
}
