import type { GenerateEvent, GenerateRequest } from '../../../shared/protocol/engine-api.ts'

/** Most tokens that a request can use: each prompt once, whatever `n` is, and every sequence to its end. */
export function mostTokens({ prompts, n, maxTokens }: GenerateRequest, contextTokens: number): number {
  return prompts.reduce((sum, { length }) => {
    const left = Math.max(0, contextTokens - length)
    return sum + length + n * Math.min(maxTokens ?? left, left)
  }, 0)
}

/** What a request has used so far, as its usage says it in the end: prompts that were computed, and tokens that came. */
export class UsedTokens {
  readonly #request: GenerateRequest
  readonly #prefilled = new Set<number>()
  #count = 0

  constructor(request: GenerateRequest) {
    this.#request = request
  }

  get count(): number {
    return this.#count
  }

  add(event: Exclude<GenerateEvent, { readonly type: 'error' }>): void {
    if (event.type === 'token') this.#count++
    if (event.type !== 'prefilled') return
    const prompt = Math.floor(event.index / this.#request.n)
    if (this.#prefilled.has(prompt)) return
    this.#prefilled.add(prompt)
    this.#count += this.#request.prompts[prompt]!.length
  }
}
