import type { Deadlines } from '../../shared/protocol/deadlines.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { ExpertOrder, ExpertRef, HostControl, HostStatusReport, LoadReport, PeerSource, ProbeReport } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { verifyRange } from '../../shared/protocol/range-reader.ts'
import type { RangeLoad, RangeReader, RangeReaderDeps } from '../../shared/protocol/range-reader.ts'
import { err, ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { probeDigest, probeRow } from '../../wasm/src/expert-probe.ts'
import type { ExpertLoader, Loaded } from './expert-loader.ts'
import type { HostMemory } from './host-memory.ts'
import { createPeerSource, readPeer } from './peer-copy.ts'

export interface HostControlDeps {
  readonly memory: HostMemory
  readonly tier: Tier
  readonly loader: ExpertLoader
  /** Reads in small parts. */
  readonly copyReader: RangeReader
  readonly sha256Hex: RangeReaderDeps['sha256Hex']
  readonly deadlines: Deadlines
  /** Whether the order is for this host's pack and names its experts, and not too many. */
  readonly checkOrder: (order: ExpertOrder) => Result<void, MoeError>
  /** Resolves when no frame that came before and names one of these is under way. */
  readonly framesDone: (experts: readonly ExpertRef[]) => Promise<void>
  readonly status: () => HostStatusReport
}

/** The host's face towards the autoscaler: does what it is told, expert by expert, while frames are served. SPEC RE8 to RE11. */
export function createHostControl({ memory, tier, loader, copyReader, sha256Hex, deadlines, checkOrder, framesDone, status }: HostControlDeps): HostControl {
  const { slots, drained, usage, kernels, arena, scratch, spec } = memory
  /** Of each load under way: what it has not begun. */
  const queues = new Set<Map<string, ExpertRef>>()

  async function load(order: ExpertOrder, peer: PeerSource | null): Promise<Result<LoadReport, MoeError>> {
    const checked = checkOrder(order)
    if (!checked.ok) return checked
    for (const [layer, expert] of order.experts) {
      slots.pin(layer, expert) // all of them first: none makes room for another
      drained.undrain(layer, expert)
    }
    const results: Results = new Map()
    const copy = createCopy(peer)
    const peak = usage.watchPeak()
    const queue = new Map(order.experts.map((ref) => [String(ref), ref]))
    queues.add(queue)
    const lane = async () => {
      for (const [name, ref] of queue) {
        queue.delete(name)
        const loaded = await loader.ensure([ref], copy.fill)
        results.set(name, loaded)
        if (!loaded.ok) slots.unpin(...ref) // at once: by the end of this order another one may have pinned it anew
      }
    }
    // From storage all at once: neighbours share reads, of which few are under way. A peer gives one expert a stream.
    const lanes = peer ? LIMITS.copiesInFlight : order.experts.length
    await Promise.all(Array.from({ length: lanes }, lane))
    queues.delete(queue)
    deadlines.stop() // RE7: the timer of peers' reads goes with the last of them
    const { passed, failed } = sortResults(order.experts, results)
    return ok({ loaded: passed, failed, bytes: copy.bytes(), peakBytes: peak(), report: status() })
  }

  /** Takes experts from the peer as long as it answers, and from storage whatever it does not give. */
  function createCopy(peer: PeerSource | null) {
    let source = peer
    let bytes = 0
    const moved = (what: 'storageBytes' | 'peerBytes') => (count: number) => {
      bytes += count
      usage.count(what, count)
    }
    const peerDeps = { within: deadlines.within, sha256Hex, onBytes: moved('peerBytes'), holdBuffer: usage.holdBuffer }
    const fill = async (ranges: readonly RangeLoad[], ref: ExpertRef): Promise<Loaded> => {
      if (source) {
        const copied = await readPeer(source, ref, ranges, peerDeps)
        if (copied.ok) return copied
        if (copied.error.code === 'host-unavailable') source = null // each expert would wait for it in vain
      }
      return copyReader.load(ranges, moved('storageBytes'))
    }
    return { fill, bytes: () => bytes }
  }

  async function probe(order: ExpertOrder): Promise<Result<ProbeReport, MoeError>> {
    const checked = checkOrder(order)
    if (!checked.ok) return checked
    const results: Results = new Map()
    for (const ref of order.experts) results.set(String(ref), await probeExpert(ref))
    const { passed, failed } = sortResults(order.experts, results)
    return ok({ passed, failed, report: status() })
  }

  /** The bytes once more where they lie, then what the kernels make of them: a forward alone cannot see a bit that rounding hides. SPEC RE9. */
  async function probeExpert(ref: ExpertRef): Promise<Loaded> {
    const [layer, expert] = ref
    const weights = slots.weightsOf(layer, expert)
    const ranges = weights && loader.residentRanges(ref)
    if (!ranges) return notResident(ref)
    const row = probeRow(kernels, arena, spec, weights, scratch).slice() // frames use the scratch while digests are taken
    let wrong: MoeError | null = null
    for (const range of ranges) wrong ??= await verifyRange(range, sha256Hex)
    const got = await probeDigest(row, async (bytes) => sha256Hex(bytes))
    if (slots.weightsOf(layer, expert) !== weights) return notResident(ref) // dropped meanwhile: another copy, if any, was not probed
    const want = loader.entryOf(ref)!.probe[tier]
    if (!wrong && got === want) return ok(undefined)
    dropExpert(ref)
    return wrong ? err(wrong) : fail('probe-failed', `expert ${expert} of layer ${layer} gives ${got} on the probe, the pack says ${want}`, { layer, expert })
  }

  async function drain(order: ExpertOrder): Promise<Result<HostStatusReport, MoeError>> {
    const checked = checkOrder(order)
    if (!checked.ok) return checked
    for (const [layer, expert] of order.experts) drained.drain(layer, expert)
    await framesDone(order.experts)
    return ok(status())
  }

  async function drop(order: ExpertOrder): Promise<Result<HostStatusReport, MoeError>> {
    const checked = checkOrder(order)
    if (!checked.ok) return checked
    for (const queue of queues) for (const ref of order.experts) queue.delete(String(ref)) // what is queued or on its way would come back
    await Promise.all(order.experts.map(loader.settled))
    for (const ref of order.experts) dropExpert(ref)
    return ok(status())
  }

  function dropExpert([layer, expert]: ExpertRef): void {
    if (slots.drop(layer, expert)) usage.count('drops', 1)
  }

  async function source(order: ExpertOrder): Promise<Result<PeerSource, MoeError>> {
    const checked = checkOrder(order)
    return checked.ok ? ok(createPeerSource(order.experts, loader, memory)) : checked
  }

  const inventory: HostControl['inventory'] = async () => ok({ experts: slots.residents(), report: status() })

  return { load, probe, drain, drop, source, inventory }
}

function notResident([layer, expert]: ExpertRef): Loaded {
  return fail('not-resident', `expert ${expert} of layer ${layer} is not on this host`, { layer, expert, epoch: 0 })
}

/** By expert. */
type Results = Map<string, Loaded>

/** In the order's order. What has no result was dropped before its turn came. */
function sortResults(experts: readonly ExpertRef[], results: Readonly<Results>) {
  const passed: ExpertRef[] = []
  const failed: { expert: ExpertRef; error: MoeError }[] = []
  for (const expert of experts) {
    const result = results.get(String(expert)) ?? notResident(expert)
    if (result.ok) passed.push(expert)
    else failed.push({ expert, error: result.error })
  }
  return { passed, failed }
}
