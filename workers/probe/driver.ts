import type { ProbeAnswer, ProbeAnswers, ProbeQuestion } from '../../shared/protocol/probe-api.ts'
import { PASS_WEIGHTS } from '../../shared/protocol/probe-api.ts'
import { histogram, timeCalls } from './call-times.ts'
import type { ProbeEnv } from './env.ts'
import type { Probe } from './probe.ts'
import { cleanStorage, prepareStorage, readRanges } from './storage.ts'
import { wasmFeatures } from './wasm-features.ts'

const ECHO_BYTES = 64

/** Answers one question, from inside a Durable Object: as an engine would meet the platform. Throws where the platform refuses. */
export async function answer(question: ProbeQuestion, env: ProbeEnv, signals: ReadonlyMap<string, ProbeAnswers['signal']>): Promise<ProbeAnswer> {
  switch (question.kind) {
    case 'sharing':
      return sharing(question.objects, env)
    case 'round-trip':
      return roundTrip(question.hint, question.calls, env)
    case 'prepare-storage':
      return prepareStorage(env.BUCKET, question.bytes)
    case 'storage':
      return readRanges(env.BUCKET, question.rangeBytes, question.inFlight, question.reads)
    case 'clean-storage':
      return cleanStorage(env.BUCKET)
    case 'compute':
      return computeRate(question.calls, question.passes, env)
    case 'wasm':
      return wasmFeatures()
    case 'clock':
      return clock(question.passes, env)
    case 'cpu':
      return cpuBudget(question.calls, question.passes, env)
    case 'memory':
      return memoryCeiling(question.maxMiB, env)
    case 'signal':
      return signals.get(question.name) ?? { fired: false, afterMs: null }
    default:
      return question satisfies never
  }
}

async function sharing(objects: number, env: ProbeEnv): Promise<ProbeAnswer<'sharing'>> {
  const own = Array.from({ length: objects }, () => env.PROBE.get(env.PROBE.newUniqueId()))
  const peers = peerNamespaces(env).map((peer) => peer.get(peer.newUniqueId()))
  const isolates = (stubs: readonly DurableObjectStub<Probe>[]) => Promise.all(stubs.map(async (stub) => (await stub.identify()).isolateId))
  return { objectsOfOneClass: histogram(await isolates(own)), objectsOfScripts: histogram(await isolates(peers)) }
}

function peerNamespaces(env: ProbeEnv): DurableObjectNamespace<Probe>[] {
  const bindings = env as unknown as Readonly<Record<string, DurableObjectNamespace<Probe>>>
  return env.PEERS.split(',')
    .filter((name) => name !== '')
    .map((name) => bindings[name]!)
}

async function roundTrip(hint: DurableObjectLocationHint | null, calls: number, env: ProbeEnv): Promise<ProbeAnswer<'round-trip'>> {
  const stub = fresh(env, hint)
  const bytes = new Uint8Array(ECHO_BYTES)
  const { colo } = await stub.identify()
  using session = await stub.open()
  const sessionTimes = await timeCalls(calls, () => session.echo(bytes), Date.now)
  const stubTimes = await timeCalls(calls, () => stub.echo(bytes), Date.now)
  return { callerColo: await ownColo(env), calleeColo: colo, session: sessionTimes, stub: stubTimes }
}

async function computeRate(calls: number, passes: number, env: ProbeEnv): Promise<ProbeAnswer<'compute'>> {
  using session = await fresh(env).open()
  const { kernels } = await session.compute(1) // fills the matrix, and lets the compiler finish
  const begin = Date.now()
  for (let call = 0; call < calls; call++) await session.compute(passes)
  return { kernels, calls, weightsPerS: (calls * passes * PASS_WEIGHTS * 1000) / Math.max(1, Date.now() - begin) }
}

async function clock(passes: number, env: ProbeEnv): Promise<ProbeAnswer<'clock'>> {
  using session = await fresh(env).open()
  await session.compute(1)
  const begin = Date.now()
  const { ownMs } = await session.compute(passes)
  return { ownMs, callerMs: Date.now() - begin }
}

/** All of it in one session: does a call on it renew the budget, as a request does? */
async function cpuBudget(calls: number, passes: number, env: ProbeEnv): Promise<ProbeAnswer<'cpu'>> {
  using session = await fresh(env).open()
  const begin = Date.now()
  let callsAnswered = 0
  try {
    for (; callsAnswered < calls; callsAnswered++) await session.compute(passes)
  } catch (error) {
    return { callsAnswered, callsAsked: calls, callerMs: Date.now() - begin, brokenBy: String(error).slice(0, 256) }
  }
  return { callsAnswered, callsAsked: calls, callerMs: Date.now() - begin, brokenBy: null }
}

/** In a script of its own where there is one: what breaks is not the isolate of the one that asks. */
async function memoryCeiling(maxMiB: number, env: ProbeEnv): Promise<ProbeAnswer<'memory'>> {
  const peer = peerNamespaces(env)[0] ?? env.PROBE
  using session = await peer.get(peer.newUniqueId()).open()
  let filledMiB = 0
  try {
    while (filledMiB < maxMiB) filledMiB = await session.fill()
  } catch (error) {
    return { filledMiB, askedMiB: maxMiB, brokenBy: String(error).slice(0, 256) }
  }
  return { filledMiB, askedMiB: maxMiB, brokenBy: null }
}

function fresh(env: ProbeEnv, hint: DurableObjectLocationHint | null = null): DurableObjectStub<Probe> {
  return env.PROBE.get(env.PROBE.newUniqueId(), hint === null ? {} : { locationHint: hint })
}

/** Where this object is: the platform does not tell an object, but its way out does. Null where that is off or says nothing. */
export async function ownColo(env: ProbeEnv): Promise<string | null> {
  if (env.TRACE !== 'on') return null
  try {
    const response = await fetch('https://www.cloudflare.com/cdn-cgi/trace', { signal: AbortSignal.timeout(5000) })
    return /^colo=([A-Z]{3})$/m.exec((await response.text()).slice(0, 4096))?.[1] ?? null
  } catch {
    return null // where it is adds to an answer; without it the answer is as good
  }
}
