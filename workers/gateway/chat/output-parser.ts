/** What a piece of generated text turned out to be. Calls count from 0 in a choice. */
export type ParsedOutput =
  | { readonly type: 'text' | 'reasoning'; readonly text: string }
  | { readonly type: 'tool-call'; readonly call: number; readonly name: string }
  | { readonly type: 'tool-arguments'; readonly call: number; readonly text: string }

/**
 * Reads one choice's text while it comes. How the text is cut into pieces changes nothing but how the outputs are cut. SPEC TC3.
 * Text waits only while it may be the beginning of a mark, or white space in front of one.
 */
export interface OutputParser {
  push(text: string): ParsedOutput[]
  /** The text ended: what still waited. */
  finish(): ParsedOutput[]
  /** Calls that are whole, or null if the last one is not. Known after `finish`. */
  readonly wholeCalls: number | null
}

/** Text that means nothing but itself; what has no text is no less text. */
export function plainParser(): OutputParser {
  return { push: (text) => [{ type: 'text', text }], finish: () => [], wholeCalls: 0 }
}
