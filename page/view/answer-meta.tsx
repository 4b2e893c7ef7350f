import { answerPace } from '../chat/answer.ts'
import type { Answer, AnswerEnd } from '../chat/answer.ts'
import { formatMs, formatNumber, plural } from '../format.ts'

/** What the answer cost in time, and how it ended. */
export function AnswerMeta({ answer }: { readonly answer: Answer }) {
  const { ttftMs, tokensPerS } = answerPace(answer)
  const parts = [
    answer.tokenCount > 0 ? plural(answer.tokenCount, 'token') : null,
    tokensPerS === null ? null : `${formatNumber(tokensPerS)} tokens/s`,
    ttftMs === null ? null : `first after ${formatMs(ttftMs)}`,
    answer.promptTokens === null ? null : `prompt ${answer.promptTokens}${answer.cachedTokens ? `, ${answer.cachedTokens} cached` : ''}`,
    endWord(answer.end),
  ].filter((part) => part !== null)
  return (
    <>
      {answer.end.kind === 'failed' && (
        <p class="error" role="alert">
          <code>{answer.end.code}</code> {answer.end.message}
        </p>
      )}
      <p class="meta">{parts.join(' · ')}</p>
    </>
  )
}

function endWord(end: AnswerEnd): string | null {
  if (end.kind === 'finished') return end.reason === 'length' ? 'ended at max tokens' : `ended: ${end.reason}`
  if (end.kind === 'stopped') return 'stopped by you'
  return end.kind === 'streaming' ? 'streaming…' : null
}
