import type { EngineApi, GenerateEvent, GenerateRequest } from '../../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { EngineStream } from '../../../workers/gateway/generate/engine-stream.ts'
import type { StreamedModel } from '../../../workers/gateway/generate/engine-stream.ts'
import { callEngine } from '../../../workers/gateway/generate/engine-call.ts'
import { greedyRequest } from '../cluster.ts'
import { Life } from '../life.ts'
import type { SimClock } from '../sim-clock.ts'
import { createDraws } from './draws.ts'
import type { Draws } from './draws.ts'

/** Prompts of a domain use tokens of their own: so the router gives a domain experts of its own. */
const DOMAINS = 4
const TOKENS_OF_DOMAIN = 11
const FIRST_TOKEN = 3
const PER_DOMAIN = 12

/** What clients ask for, [domains][…]. The same in every run, so that what a static run answers is computed once. */
export const REQUESTS: readonly (readonly GenerateRequest[])[] = Array.from({ length: DOMAINS }, (_, domain) => {
  const draws = createDraws(domain, 77)
  return Array.from({ length: PER_DOMAIN }, (__, i) => drawRequest(draws, domain, `${domain}/${i}`))
})

function drawRequest(draws: Draws, domain: number, requestId: string): GenerateRequest {
  const token = () => FIRST_TOKEN + domain * TOKENS_OF_DOMAIN + draws.whole(0, TOKENS_OF_DOMAIN - 1)
  const prompts = Array.from({ length: draws.chance(0.15) ? 2 : 1 }, () => Array.from({ length: draws.whole(1, 24) }, token))
  const logprobs = draws.pick([null, null, 0, 3])
  return greedyRequest(prompts, {
    requestId,
    n: draws.pick([1, 1, 1, 2, 3]),
    maxTokens: draws.whole(2, 36),
    sampling: draws.chance(0.5)
      ? { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1 }
      : { temperature: 0.9, topK: 20, topP: 0.95, minP: 0, seed: draws.whole(0, 1000) },
    stopTokens: draws.chance(0.2) ? [2] : [],
    logprobs,
    echo: logprobs !== null && draws.chance(0.4),
  })
}

/** What a client does, besides reading. */
export type Manner =
  | { readonly kind: 'reads' }
  /** It goes after so many events; its gateway tells the engine. */
  | { readonly kind: 'leaves'; readonly events: number }
  /** It ends its first choice after so many tokens of it, as a stop string would. */
  | { readonly kind: 'stops'; readonly tokens: number }
  /** Its gateway dies after so many events: nobody tells the engine anything. */
  | { readonly kind: 'vanishes'; readonly events: number }

export interface Outcome {
  readonly request: GenerateRequest
  readonly manner: Manner
  readonly events: readonly GenerateEvent[]
  readonly error: MoeError | null
}

export interface ClientInputs {
  readonly api: (gateway: Life) => Pick<EngineApi, 'generate' | 'resume' | 'cancel'>
  readonly model: StreamedModel
  readonly clock: SimClock
  readonly request: GenerateRequest
  readonly manner: Manner
}

/** A client and its gateway: reads a request to its end as workers/gateway does, through whatever happens to the engine. */
export async function runClient({ api, model, clock, request, manner }: ClientInputs): Promise<Outcome> {
  const life = new Life('a gateway')
  const engine = api(life)
  const deps = { engine, log: () => undefined, wait: life.timers(clock.setTimer).wait }
  const stream = new EngineStream(deps, model, request)
  const events: GenerateEvent[] = []
  const open = new Set(Array.from({ length: request.prompts.length * request.n }, (_, index) => index))
  let stopped = 0
  const read = async (): Promise<MoeError | null> => {
    const started = await stream.start()
    if (!started.ok) return started.error
    while (open.size > 0) {
      const event = (await stream.next())!
      if (event.type === 'error') return event.error
      if (!open.has(event.index)) continue
      events.push(event)
      if (event.type === 'finish') open.delete(event.index)
      if (event.type === 'token' && event.index === 0 && manner.kind === 'stops' && ++stopped === manner.tokens) {
        open.delete(0)
        stream.close(0)
        void callEngine(deps, () => engine.cancel(request.requestId, 0))
      }
      if ((manner.kind === 'leaves' || manner.kind === 'vanishes') && events.length === manner.events) return null
    }
    return null
  }
  const error = await read()
  if (manner.kind === 'vanishes' && open.size > 0) {
    life.end()
    return { request, manner, events, error }
  }
  // As startGeneration ends: not waited for.
  void callEngine(deps, () => stream.cancel())
  if (stream.begun) void callEngine(deps, () => engine.cancel(request.requestId, null))
  return { request, manner, events, error }
}

export function drawManner(draws: Draws): Manner {
  const kind = draws.pick(['reads', 'reads', 'reads', 'reads', 'reads', 'reads', 'reads', 'leaves', 'stops', 'vanishes'] as const)
  switch (kind) {
    case 'reads':
      return { kind }
    case 'stops':
      return { kind, tokens: draws.whole(1, 6) }
    case 'leaves':
    case 'vanishes':
      return { kind, events: draws.whole(1, 12) }
  }
}
