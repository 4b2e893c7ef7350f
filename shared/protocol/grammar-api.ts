import type { MoeError } from './errors.ts'
import type { Result } from './result.ts'

/** What a continuation must match. */
export type GrammarSpec =
  /** Any JSON object. */
  | { readonly kind: 'json-object' }
  /** A value of the JSON schema, which is JSON text here: its characters are its name. */
  | { readonly kind: 'json-schema'; readonly schema: string }
  /**
   * Free text with tagged parts, as JSON text of xgrammar's structural tag: how tool calls are written. Of its grammars only EMPTY_GRAMMAR.
   * `special`: ids of special tokens that write their names here (a mark around a call may be one); all others write nothing and are not allowed.
   */
  | { readonly kind: 'structural-tag'; readonly tag: string; readonly special: readonly number[] }

/** xgrammar's EBNF of no text: one side of what is optional. */
export const EMPTY_GRAMMAR = 'root ::= ""'

/** Which tokens may come next. */
export interface GrammarMask {
  /** Bit `id & 7` of byte `id >> 3`: the token is allowed. [⌈vocab / 8⌉ or more] */
  readonly allowed: Uint8Array
}

/** One sequence's way through a grammar. It lives in the grammar worker; a lost one is opened again from the tokens so far. */
export interface GrammarSession {
  /** Takes the next token of the continuation and gives the mask for the one after it. Calls are answered in order. */
  accept(id: number): Promise<Result<GrammarMask, MoeError>>
}

/**
 * The grammar worker's RPC face. It has an isolate of its own: compiling a schema and computing masks never hold up the thread of the engine,
 * and the vocabulary that it needs would not fit beside the trunk.
 */
export interface GrammarApi {
  /** Compiles the grammar, or finds it compiled. Errors: `invalid-request` naming what it does not support, or that it is too large. */
  check(spec: GrammarSpec): Promise<Result<void, MoeError>>
  /**
   * @param digest of the pack that the engine serves: another vocabulary's masks would be wrong (`hello-mismatch`).
   * @param tokens of the continuation so far.
   * @returns the session, and the mask for the next token.
   */
  open(
    digest: string,
    spec: GrammarSpec,
    tokens: readonly number[],
  ): Promise<Result<{ readonly session: GrammarSession; readonly mask: GrammarMask }, MoeError>>
}

/** The one object of the grammar worker. */
export const GRAMMAR_OBJECT = 'grammar-0'
