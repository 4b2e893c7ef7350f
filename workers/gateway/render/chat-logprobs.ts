import type { ScoredToken } from '../generate/choice-assembler.ts'
import type { TextCodec } from '../model/text-codec.ts'
import { chatTokenName } from './token-names.ts'

interface ChatToken {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[]
}

/** OpenAI's log-probabilities of a chat. */
export interface ChatLogprobs {
  readonly content: readonly (ChatToken & { readonly top_logprobs: readonly ChatToken[] })[]
  readonly refusal: null
}

export function chatLogprobs(codec: TextCodec, scored: readonly ScoredToken[]): ChatLogprobs {
  const content = scored.map(({ token: { id, logprob, top } }) => {
    if (logprob === null) throw new Error(`the generated token ${id} has no log-probability`) // only a prompt's first has none
    return { ...chatToken(codec, id, logprob), top_logprobs: top.map(([other, itsLogprob]) => chatToken(codec, other, itsLogprob)) }
  })
  return { content, refusal: null }
}

function chatToken(codec: TextCodec, id: number, logprob: number): ChatToken {
  const { token, bytes } = chatTokenName(codec, id)
  return { token, logprob, bytes }
}
