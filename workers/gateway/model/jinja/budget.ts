import { fieldsOf, itemsOf, textOf } from './values.ts'
import type { Value } from './values.ts'

/** A template that takes more work, memory or depth than any real one. The message says which. */
export class TemplateBoundError extends Error {
  override readonly name = 'TemplateBoundError'
}

export interface RenderLimits {
  /** Nodes evaluated, and what operations made: a step for 16 characters, 4 items of a list, or one new value. */
  readonly stepsMax: number
  /** UTF-16 units of a text, output included, and items of a list. */
  readonly lengthMax: number
  /** Nodes inside each other, calls of macros included. */
  readonly depthMax: number
}

const CHARS_PER_STEP = 16
const ITEMS_PER_STEP = 4
/** A turn of a loop makes a scope and its `loop` dict, even where its body is empty. */
const STEPS_PER_TURN = 4

/** What one rendering has used. The library's interpreter has no bound of its own, and JavaScript cannot be interrupted. */
export class RenderBudget {
  readonly #limits: RenderLimits
  #steps = 0
  #depth = 0

  constructor(limits: RenderLimits) {
    this.#limits = limits
  }

  /** One node's evaluation begins. */
  enter(): void {
    this.#spend(1)
    if (++this.#depth > this.#limits.depthMax) throw new TemplateBoundError(`it is nested more than ${this.#limits.depthMax} deep`)
  }

  leave(): void {
    this.#depth--
  }

  /** A text, before it is made where its length is known before. */
  chargeChars(length: number): void {
    this.#charge(length, CHARS_PER_STEP)
  }

  /** A list of values that were there already. */
  chargeItems(count: number): void {
    this.#charge(count, ITEMS_PER_STEP)
  }

  /** Turns of a loop, before the first. */
  chargeTurns(count: number): void {
    this.#spend(count * STEPS_PER_TURN)
  }

  /** A list whose values are made as well. */
  chargeValues(count: number): void {
    this.#charge(count, 1)
  }

  /** One value that is written or compared inside another: shared parts count each time. */
  chargePart(length: number): void {
    this.#spend(1)
    this.chargeChars(length)
  }

  /** A value that an operation has made, or goes through from end to end. */
  chargeWhole(value: Value): void {
    const text = textOf(value)
    if (text === null) this.chargeItems(itemsOf(value)?.length ?? fieldsOf(value)?.size ?? 0)
    else this.chargeChars(text.length)
  }

  #charge(length: number, perStep: number): void {
    // Not `length > max`: a template can reckon with numbers that are none, and a budget that is NaN is never used up.
    if (!(length >= 0 && length <= this.#limits.lengthMax))
      throw new TemplateBoundError(`a text or list has more than ${this.#limits.lengthMax} characters or items`)
    this.#spend(Math.floor(length / perStep))
  }

  #spend(steps: number): void {
    this.#steps += steps
    if (this.#steps > this.#limits.stepsMax) throw new TemplateBoundError(`it takes more than ${this.#limits.stepsMax} steps`)
  }
}
