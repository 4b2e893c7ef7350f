import { quantizeActivations } from '../../shared/core/activations.ts'
import { xRecordsBytes } from '../../shared/core/layout.ts'
import { createRunFrame, parseReply } from '../../shared/protocol/frame.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { expertRanges } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { planReads } from '../../shared/protocol/read-plan.ts'
import { createMemory } from '../../wasm/src/arena.ts'
import type { Expert } from '../../workers/expert/expert.ts'
import { r2Store, readManifest } from '../../workers/r2-store.ts'

interface Env {
  readonly BUCKET: R2Bucket
  readonly MODEL_PREFIX: string
  readonly [host: `EXPERT_${string}`]: DurableObjectNamespace<Expert>
}

/**
 * Measured from outside, by the time that a request takes; each answers with the bytes it saw.
 *   /raw             the reads of a host that loads every expert of the pack, their bytes dropped
 *   /kept            the same, copied into WASM memory that nobody has touched
 *   /sha256          checksums of as many bytes in the same ranges, no reads
 *   /open/<binding>  starts a host and opens a session
 *   /run/<binding>   a frame a layer, all at once, that names every expert of the layer: the host loads those that it does not have
 */
export default {
  async fetch(request, env): Promise<Response> {
    const [what, name] = new URL(request.url).pathname.slice(1).split('/')
    const manifest = await readManifest(env.BUCKET, env.MODEL_PREFIX)
    if (!manifest.ok) throw new Error(manifest.error.message)
    switch (what) {
      case 'raw':
        return Response.json(await readRaw(env, manifest.value, () => undefined))
      case 'kept': {
        const memory = new Uint8Array(createMemory(LIMITS.hostArenaBytes).buffer)
        return Response.json(await readRaw(env, manifest.value, (part, at) => memory.set(part, at)))
      }
      case 'sha256':
        return Response.json(await hashAll(manifest.value))
      default: {
        using opened = await env[name as `EXPERT_${string}`]!.getByName('host').open(helloFor(manifest.value))
        if (!opened.ok) throw new Error(opened.error.message)
        if (what === 'open') return Response.json(opened.value.report.residentBytes)
        await Promise.all(manifest.value.spec.layers.map((_, layer) => runLayer(opened.value.session, manifest.value, layer)))
        return Response.json((await opened.value.session.report()).residentBytes)
      }
    }
  },
} satisfies ExportedHandler<Env>

async function readRaw(env: Env, manifest: Manifest, take: (part: Uint8Array, at: number) => void): Promise<number> {
  const store = r2Store(env.BUCKET, env.MODEL_PREFIX)
  const reads = manifest.spec.layers.flatMap((_, layer) => planReads(rangesOf(manifest, layer)))
  let total = 0
  const lane = async () => {
    for (let read = reads.shift(); read; read = reads.shift()) {
      const body = (await store.open(read.object, read.offset, read.bytes))!
      for (let part = await body.next(); part; part = await body.next()) {
        take(part, total)
        total += part.byteLength
      }
      body.cancel()
    }
  }
  await Promise.all(Array.from({ length: LIMITS.readsInFlight }, lane))
  return total
}

async function hashAll(manifest: Manifest): Promise<number> {
  const ranges = manifest.spec.layers.flatMap((_, layer) => rangesOf(manifest, layer))
  const memory = new Uint8Array(Math.max(...ranges.map(({ bytes }) => bytes))).fill(85)
  for (const { bytes } of ranges) await crypto.subtle.digest('SHA-256', memory.subarray(0, bytes))
  return ranges.reduce((sum, { bytes }) => sum + bytes, 0)
}

function rangesOf(manifest: Manifest, layer: number) {
  return manifest.experts.filter((entry) => entry.layer === layer).flatMap((entry) => expertRanges(entry, 'q8'))
}

function helloFor(manifest: Manifest) {
  const experts = manifest.experts.map((entry) => [entry.layer, entry.expert] as const)
  return { protocolVersion: PROTOCOL_VERSION, model: manifest.name, digest: manifest.digest, tier: 'q8' as const, epoch: 1, experts }
}

/** One token through every expert of a layer. */
async function runLayer(session: { run(frame: Uint8Array): Promise<Uint8Array> }, { spec }: Manifest, layer: number): Promise<void> {
  const { experts: pairs } = spec.router
  const header = { sequence: layer + 1, layer, epoch: 1, tokens: 1, pairs, experts: pairs, rowBytes: xRecordsBytes(spec.hidden) }
  const { frame, experts, activations } = createRunFrame(header)
  experts.set(Array.from({ length: pairs }, (_, expert) => [expert, 1]).flat())
  quantizeActivations(
    Float32Array.from({ length: spec.hidden }, (_, i) => Math.cos(i)),
    spec.hidden,
    activations,
  )
  const reply = parseReply(await session.run(frame), header, spec.hidden * 4)
  if (!reply.ok) throw new Error(reply.error.message)
}
