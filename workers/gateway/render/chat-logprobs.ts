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
  const content = scored.map(({ token }) => ({
    ...chatToken(codec, token.id, token.logprob ?? 0),
    top_logprobs: token.top.map(([id, logprob]) => chatToken(codec, id, logprob)),
  }))
  return { content, refusal: null }
}

function chatToken(codec: TextCodec, id: number, logprob: number): ChatToken {
  const { token, bytes } = chatTokenName(codec, id)
  return { token, logprob, bytes }
}
