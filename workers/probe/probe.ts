import { DurableObject } from 'cloudflare:workers'
import { PROBE_LIMITS } from '../../shared/protocol/probe-api.ts'
import type { ProbeAnswer, ProbeAnswers, ProbeQuestion } from '../../shared/protocol/probe-api.ts'
import { isolateId } from '../isolate-id.ts'
import { hasToken } from './access.ts'
import { ProbeSession } from './callee.ts'
import { answer, ownColo } from './driver.ts'
import type { ProbeEnv } from './env.ts'
import { Question } from './requests.ts'

/** An object that asks (the one named `driver`) or is asked (all others). */
export class Probe extends DurableObject<ProbeEnv> {
  private readonly signals = new Map<string, ProbeAnswers['signal']>()

  ask(question: ProbeQuestion): Promise<ProbeAnswer> {
    return answer(question, this.env, this.signals)
  }

  /** What became of a request to /hang. Kept until the object goes; one run asks for few. */
  recordSignal(name: string, outcome: ProbeAnswers['signal']): void {
    if (this.signals.size < 64) this.signals.set(name, outcome)
  }

  async identify(): Promise<{ isolateId: string; colo: string | null }> {
    return { isolateId: isolateId(), colo: await ownColo(this.env) }
  }

  echo(bytes: Uint8Array): Uint8Array {
    return bytes
  }

  open(): ProbeSession {
    return new ProbeSession()
  }
}

export default {
  /** POST /ask with a question, GET /hang/{name}. Whoever lacks the token is told nothing. */
  async fetch(request, env, context): Promise<Response> {
    if (!(await hasToken(request, env.TOKEN_SHA256))) return new Response('not found\n', { status: 404 })
    const driver = env.PROBE.getByName('driver')
    const { pathname } = new URL(request.url)
    const hang = /^\/hang\/([0-9a-z-]{1,64})$/.exec(pathname)?.[1]
    if (hang !== undefined) return hangUntilLeft(hang, request.signal, driver, context)
    if (request.method !== 'POST' || pathname !== '/ask') return new Response('not found\n', { status: 404 })
    const question = Question.safeParse(await readBody(request))
    if (!question.success) return Response.json({ error: question.error.issues[0]!.message }, { status: 400 })
    try {
      return Response.json({ answer: await driver.ask(question.data) })
    } catch (error) {
      return Response.json({ error: String(error).slice(0, 512) }, { status: 502 }) // the finding: the platform refused
    }
  },
} satisfies ExportedHandler<ProbeEnv>

async function readBody(request: Request): Promise<unknown> {
  if (Number(request.headers.get('content-length') ?? Infinity) > PROBE_LIMITS.bodyBytesMax) return null
  const text = await request.text()
  try {
    return JSON.parse(text)
  } catch {
    return null // no question: the schema says so
  }
}

/** Answers nothing until its client leaves, or for so long. Whether the platform says that it left is the question. */
async function hangUntilLeft(name: string, signal: AbortSignal, driver: DurableObjectStub<Probe>, context: ExecutionContext): Promise<Response> {
  const begin = Date.now()
  const left = new Promise<'left'>((done) => signal.addEventListener('abort', () => done('left'), { once: true }))
  const outcome = await Promise.race([left, scheduler.wait(PROBE_LIMITS.hangMs)])
  if (outcome === 'left') context.waitUntil(driver.recordSignal(name, { fired: true, afterMs: Date.now() - begin }))
  return new Response('nobody left\n')
}
