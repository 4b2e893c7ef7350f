import engine, { Engine as Product } from '../../../workers/engine/engine.ts'

/** The product's engine, and a way to lose it: as the platform resets an object, without a word to its callers. */
export class Engine extends Product {
  async reset(): Promise<void> {
    this.ctx.abort('a test resets the engine')
  }

  /** A reset that takes the journal with it, as one does that comes before a request's row is on the disk. */
  async resetWithoutRecord(): Promise<void> {
    await this.ctx.blockConcurrencyWhile(async () => {
      for (const [key] of Array.from(this.ctx.storage.kv.list())) this.ctx.storage.kv.delete(key)
      await this.ctx.storage.sync()
      this.ctx.abort('a test resets the engine')
    })
  }

  /** Keys in the object's storage. */
  async storedKeys(): Promise<number> {
    return Array.from(this.ctx.storage.kv.list()).length
  }
}

export default engine
