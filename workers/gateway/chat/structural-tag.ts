import { EMPTY_GRAMMAR } from '../../../shared/protocol/grammar-api.ts'
import type { AnswerFormat } from './chat-call.ts'

/**
 * xgrammar's structural tags, as far as we write them: what a text consists of. Names and meanings are the library's
 * (@mlc-ai/web-xgrammar 0.1.27, lib/structural_tag.d.ts). It takes no empty `value` and no empty `separator`, and free text only
 * as the content of a tag or at the very end.
 */
export type Structure =
  | { readonly type: 'const_string'; readonly value: string }
  | { readonly type: 'json_schema'; readonly json_schema: JsonSchema | boolean }
  | { readonly type: 'any_text' }
  | { readonly type: 'grammar'; readonly grammar: typeof EMPTY_GRAMMAR }
  | { readonly type: 'sequence' | 'or'; readonly elements: readonly Structure[] }
  | TagStructure
  /** Free text; at a trigger it must go on as a tag that begins with it. */
  | {
      readonly type: 'triggered_tags'
      readonly triggers: readonly string[]
      readonly tags: readonly TagStructure[]
      readonly at_least_one?: boolean
      readonly stop_after_first?: boolean
    }
  | {
      readonly type: 'tags_with_separator'
      readonly tags: readonly TagStructure[]
      readonly separator: string
      readonly at_least_one?: boolean
      readonly stop_after_first?: boolean
    }

/** `end` may be empty: then the tag is over with its content. */
export interface TagStructure {
  readonly type: 'tag'
  readonly begin: string
  readonly content: Structure
  readonly end: string
}

export type JsonSchema = Readonly<Record<string, unknown>>

export const ANY_TEXT: Structure = { type: 'any_text' }
/** Matches no text at all: what is optional is one of two. */
export const NOTHING: Structure = { type: 'grammar', grammar: EMPTY_GRAMMAR }

export function tag(begin: string, content: Structure, end: string): TagStructure {
  return { type: 'tag', begin, content, end }
}

export function optional(structure: Structure): Structure {
  return { type: 'or', elements: [structure, NOTHING] }
}

/** What an answer that is not free text must be; null: it is free text. */
export function answerStructure(format: AnswerFormat): Structure | null {
  switch (format.kind) {
    case 'text':
      return null
    case 'json-object':
      return { type: 'json_schema', json_schema: { type: 'object' } }
    case 'json-schema':
      return { type: 'json_schema', json_schema: format.schema }
  }
}
