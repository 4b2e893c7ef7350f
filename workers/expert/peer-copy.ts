import type { Within } from '../../shared/protocol/deadlines.ts'
import { fail, moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { ExpertRef, PeerSource } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { verifyRange, writePart } from '../../shared/protocol/range-reader.ts'
import type { RangeLoad, RangeReaderDeps } from '../../shared/protocol/range-reader.ts'
import { err, ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { ExpertLoader } from './expert-loader.ts'
import type { HostMemory } from './host-memory.ts'

export interface PeerCopyDeps {
  readonly within: Within
  readonly sha256Hex: RangeReaderDeps['sha256Hex']
  readonly onBytes: (bytes: number) => void
  readonly holdBuffer: (bytes: number) => () => void
}

/**
 * Fills an expert's ranges from a peer and verifies them as if they came from storage. Never rejects: whatever the peer does is a reason to
 * read from storage. `host-unavailable` where it does not answer, what it said, or what is wrong with its bytes. SPEC RE11.
 */
export async function readPeer(
  peer: PeerSource,
  [layer, expert]: ExpertRef,
  ranges: readonly RangeLoad[],
  deps: PeerCopyDeps,
): Promise<Result<void, MoeError>> {
  try {
    const opening = peer.read(layer, expert)
    const opened = await deps.within(opening)
    if (!opened.ok) {
      void opening.then((late) => (late.ok ? late.value.cancel() : undefined)).catch(() => undefined) // its error comes too late as well
      return silent('did not answer')
    }
    if (!opened.value.ok) return opened.value
    const moved = await takeStream(opened.value.value, ranges, deps)
    if (!moved.ok) return moved
  } catch (error) {
    return silent(String(error))
  }
  for (const range of ranges) {
    const wrong = await verifyRange(range, deps.sha256Hex)
    if (wrong) return err(wrong)
  }
  return ok(undefined)
}

/**
 * In parts of at most LIMITS.copyPartBytes, in one buffer that goes to the platform and comes back. A peer that keeps sending, but has not sent
 * the expert within the deadline, is as good as silent: bit by bit it could hold a slot for hours.
 */
async function takeStream(stream: ReadableStream<Uint8Array>, ranges: readonly RangeLoad[], deps: PeerCopyDeps): Promise<Result<void, MoeError>> {
  const whole = Promise.withResolvers<void>()
  let isLate = false
  void deps.within(whole.promise).then((ended) => (isLate = !ended.ok))
  const reader = stream.getReader({ mode: 'byob' })
  let buffer = new Uint8Array(Math.min(LIMITS.copyPartBytes, Math.max(...ranges.map(({ bytes }) => bytes))))
  const giveBack = deps.holdBuffer(buffer.byteLength)
  try {
    for (const range of ranges) {
      const { into } = range
      for (let at = 0; at < into.byteLength;) {
        const part = await deps.within(reader.read(buffer.subarray(0, into.byteLength - at)))
        if (!part.ok) return silent('sent no more bytes')
        if (isLate) return silent(`sent ${at} bytes of a range of ${into.byteLength} within the time of all`)
        const { done, value } = part.value
        if (done || !value) return silent('ended early')
        const lost = writePart(range, value, at)
        if (lost) return err(lost)
        at += value.byteLength
        buffer = new Uint8Array(value.buffer)
        deps.onBytes(value.byteLength)
      }
    }
    return ok(undefined)
  } finally {
    whole.resolve()
    giveBack()
    void reader.cancel().catch(() => undefined) // a stream that broke has nothing to cancel
  }
}

function silent(why: string): { readonly ok: false; readonly error: MoeError } {
  return err(moeError('host-unavailable', `the peer ${why}`, { host: 'peer' }))
}

/**
 * This host's resident experts for another host, those of one order. A copy that goes away while it is read breaks its stream: its slot may
 * have other bytes by then. SPEC RE11.
 */
export function createPeerSource(experts: readonly ExpertRef[], loader: ExpertLoader, { slots }: HostMemory): PeerSource {
  const named = new Set(experts.map(([layer, expert]) => `${layer}/${expert}`))

  async function read(layer: number, expert: number): Promise<Result<ReadableStream<Uint8Array>, MoeError>> {
    const weights = named.has(`${layer}/${expert}`) ? slots.weightsOf(layer, expert) : null
    const ranges = weights && loader.residentRanges([layer, expert])
    if (!ranges) return fail('not-resident', `expert ${expert} of layer ${layer} is not on this host`, { layer, expert, epoch: 0 })
    return ok(streamParts(ranges, () => slots.weightsOf(layer, expert) === weights))
  }

  return { read }
}

/** One part at a time, copied as it is asked for. */
function streamParts(ranges: readonly RangeLoad[], stillThere: () => boolean): ReadableStream<Uint8Array> {
  const parts = partsOf(ranges)
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      if (!stillThere()) return controller.error(new Error('the expert was dropped'))
      const part = parts.next()
      if (part.value) return controller.enqueue(part.value.slice())
      controller.close()
      controller.byobRequest?.respond(0) // a reader that brings its own buffer waits for it to come back
    },
  })
}

function* partsOf(ranges: readonly RangeLoad[]): Generator<Uint8Array, undefined> {
  for (const { into } of ranges) {
    for (let at = 0; at < into.byteLength; at += LIMITS.copyPartBytes) yield into.subarray(at, at + LIMITS.copyPartBytes)
  }
}
