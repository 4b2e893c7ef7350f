import { ConnectionLost } from '../life.ts'
import type { Life } from '../life.ts'
import type { SimClock } from '../sim-clock.ts'
import type { Draws } from './draws.ts'

/** One way of a call, in ms; a few take far longer. */
const WAY_MS = { min: 1, max: 3, slowMax: 300, slowShare: 0.002 } as const

const FNV_START = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** What lies between objects: every call takes time, and some are lost. */
export function createNetwork(clock: SimClock, draws: Draws) {
  const trouble = { lossShare: 0, peerLossShare: 0 }
  const wayMs = () => (draws.chance(WAY_MS.slowShare) ? draws.whole(WAY_MS.max, WAY_MS.slowMax) : draws.whole(WAY_MS.min, WAY_MS.max))
  const isLost = (what: keyof typeof trouble) => trouble[what] > 0 && draws.chance(trouble[what])

  /** Ways that are cut, until when, and whether calls fail at once or hang. */
  const cuts = new Map<string, { readonly untilMs: number; readonly hangs: boolean }>()

  /** All calls in their order, as one number: two runs are the same where it is. */
  const seen = { calls: 0, digest: FNV_START }
  function note(way: string): void {
    seen.calls++
    for (const part of [clock.nowMs(), ...way]) seen.digest = Math.imul(seen.digest ^ (typeof part === 'number' ? part : part.charCodeAt(0)), FNV_PRIME) >>> 0
  }

  async function pass(way: string): Promise<void> {
    const cut = cuts.get(way)
    if (!cut || cut.untilMs <= clock.nowMs()) return
    if (cut.hangs) await clock.wait(cut.untilMs - clock.nowMs())
    throw new ConnectionLost(way)
  }

  /**
   * A call. Its answer, or that it was lost, comes only while the caller lives.
   * @param to the way's other end; a way has one name in both directions.
   * @param undelivered gets an answer that nobody gets.
   */
  function call<T>(from: Life, to: string, act: () => T | Promise<T>, undelivered: (answer: T) => void = () => undefined): Promise<T> {
    const way = wayOf(from.who, to)
    const travel = async (): Promise<T> => {
      await clock.wait(wayMs())
      note(way)
      await pass(way)
      if (isLost('lossShare')) throw new ConnectionLost('a call')
      const answer = await act()
      await clock.wait(wayMs())
      if (!from.dead && !isLost('lossShare')) return answer
      undelivered(answer)
      throw new ConnectionLost('an answer')
    }
    return from.own(travel())
  }

  /** A stream of bytes to `to`, in the parts in which it is made. It breaks when one of `over` ends, or a part is lost; who made it sees that as a reader that left. */
  function carry(stream: ReadableStream<Uint8Array>, to: Life, over: readonly Life[], losses: keyof typeof trouble = 'lossShare'): ReadableStream<Uint8Array> {
    const reader = stream.getReader()
    const broken = Promise.withResolvers<never>()
    broken.promise.catch(() => undefined) // nobody may be reading
    const leave = () => void reader.cancel().catch(() => undefined) // it may be broken already
    const forget = over.map((life) => life.onEnd(() => broken.reject(new ConnectionLost(life.who))))
    const readerDied = to.onEnd(leave)
    const end = () => [...forget, readerDied].forEach((take) => take())
    return new ReadableStream({
      type: 'bytes',
      async pull(controller) {
        try {
          const { done, value } = await Promise.race([to.own(reader.read()), broken.promise])
          await to.own(Promise.race([clock.wait(wayMs()), broken.promise]))
          if (isLost(losses)) throw new ConnectionLost('a stream')
          if (value) return controller.enqueue(value.slice())
          if (done) end()
          controller.close()
          controller.byobRequest?.respond(0)
        } catch (error) {
          end()
          leave()
          controller.error(error)
        }
      },
      cancel() {
        end()
        clock.setTimer(wayMs(), leave)
      },
    })
  }

  function cut(one: string, other: string, forMs: number, hangs: boolean): void {
    cuts.set(wayOf(one, other), { untilMs: clock.nowMs() + forMs, hangs })
  }

  return { call, carry, cut, wayMs, trouble, seen }
}

export type Network = ReturnType<typeof createNetwork>

function wayOf(one: string, other: string): string {
  return one < other ? `${one} and ${other}` : `${other} and ${one}`
}
