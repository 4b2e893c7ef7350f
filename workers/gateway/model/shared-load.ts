import type { MoeError } from '../../../shared/protocol/errors.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'

const POLL_MS = 25
/** 30 s: as long as the platform keeps a request alive after its client has gone, so a load that is older is dead. */
const POLLS_MAX = 1200

/** What the platform gives to a load. */
export interface SharedLoadDeps {
  readonly wait: (ms: number) => Promise<void>
  readonly keepAlive: (work: Promise<unknown>) => void
}

/**
 * A value for the whole isolate, loaded on first use, once: two tokenizers at a time may not fit into memory.
 *
 * Waiting requests poll with timers of their own instead of awaiting the first request's promise. In Workers I/O belongs to the request
 * that began it: a request that awaits only another one's promise has nothing pending itself, so the runtime takes it for hung, and when
 * the other is cancelled the promise never settles. The value, once there, belongs to nobody and is free to share.
 */
export class SharedLoad<T> {
  readonly #load: () => Promise<Result<T, MoeError>>
  readonly #deps: SharedLoadDeps
  #loaded: { readonly value: T } | null = null
  /** Loads are numbered: one that was taken for dead may still end, and must not speak for its successor. */
  #loadsBegun = 0
  #loading: number | null = null
  #failed: { readonly load: number; readonly error: MoeError } | null = null

  constructor(load: () => Promise<Result<T, MoeError>>, deps: SharedLoadDeps) {
    this.#load = load
    this.#deps = deps
  }

  /**
   * The value; a failed load is not kept, the next use tries again. Whoever waited for a load that failed tries once more, all of them
   * together: the outcome of a load that began after they came is theirs.
   */
  async get(): Promise<Result<T, MoeError>> {
    const begunBefore = this.#loadsBegun
    while (this.#loaded === null && this.#loading !== null) {
      const load = this.#loading
      await this.#waitFor(load)
      if (this.#loaded === null && this.#failed !== null && this.#failed.load > begunBefore) return err(this.#failed.error)
      if (this.#loading === load) break // it is dead, and nobody else has taken over: the others wait for the load that begins here
    }
    if (this.#loaded !== null) return ok(this.#loaded.value)
    const work = this.#loadOnce()
    this.#deps.keepAlive(work) // a client that gives up must not take the load of all others with it
    return work
  }

  /** Until the load ended or was replaced, but not for ever. */
  async #waitFor(load: number): Promise<void> {
    for (let polls = 0; polls < POLLS_MAX && this.#loading === load && this.#loaded === null; polls++) await this.#deps.wait(POLL_MS)
  }

  async #loadOnce(): Promise<Result<T, MoeError>> {
    const load = ++this.#loadsBegun
    this.#loading = load
    try {
      const result = await this.#load()
      if (result.ok) this.#loaded ??= { value: result.value }
      else this.#failed = { load, error: result.error }
      return result
    } finally {
      if (this.#loading === load) this.#loading = null
    }
  }
}
