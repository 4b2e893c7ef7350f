import { useSignal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { ChatStore } from '../chat/chat-store.ts'
import type { Turn } from '../chat/conversation.ts'
import type { Keys } from '../server/keys.ts'
import { AnswerMeta } from './answer-meta.tsx'
import { ChatSettingsFields } from './chat-settings.tsx'
import { ShadeLegend } from './legends.tsx'
import { TokenText } from './token-text.tsx'

const SUGGESTIONS = ['Tell me a story about a dog.', 'Was liegt auf dem Tisch?', 'Write a function that adds two numbers.']

export interface ChatPaneProps {
  readonly chat: ChatStore
  readonly keys: ReadonlySignal<Keys>
}

export function ChatPane({ chat, keys }: ChatPaneProps) {
  const draft = useSignal('')
  const isRunning = chat.isRunning.value
  const submit = (text: string): void => {
    const question = text.trim()
    if (question === '' || isRunning) return
    draft.value = ''
    void chat.submit(question, keys.value.api)
  }
  return (
    <section class="pane chat" aria-labelledby="chat-title">
      <div class="pane-head">
        <h2 id="chat-title">Chat</h2>
        <ShadeLegend />
        <button type="button" class="quiet" disabled={chat.turns.value.length === 0} onClick={chat.clear}>
          Clear
        </button>
      </div>
      {chat.model.value === null && chat.failure.value && (
        <p class="error" role="alert">
          <code>{chat.failure.value.code}</code> {chat.failure.value.message}
        </p>
      )}
      <Turns turns={chat.turns.value} isRunning={isRunning} onSuggest={submit} />
      <form
        class="composer"
        onSubmit={(event) => {
          event.preventDefault()
          submit(draft.value)
        }}
      >
        <label class="hidden" for="question">
          Message
        </label>
        <textarea
          id="question"
          rows={2}
          placeholder="Message, Enter to send"
          value={draft.value}
          onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
            event.preventDefault()
            submit(draft.value)
          }}
        />
        {isRunning ? (
          <button type="button" class="stop" onClick={chat.stop}>
            Stop
          </button>
        ) : (
          <button type="submit" disabled={draft.value.trim() === ''}>
            Send
          </button>
        )}
        <ChatSettingsFields settings={chat.settings} />
      </form>
    </section>
  )
}

interface TurnsProps {
  readonly turns: readonly Turn[]
  readonly isRunning: boolean
  readonly onSuggest: (question: string) => void
}

/** The newest line stays in view, unless the reader has scrolled away from it. */
function Turns({ turns, isRunning, onSuggest }: TurnsProps) {
  const list = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  useLayoutEffect(() => {
    if (list.current && follows.current) list.current.scrollTop = list.current.scrollHeight
  }, [turns])
  return (
    <div
      ref={list}
      class="turns"
      role="log"
      aria-label="Conversation"
      aria-busy={isRunning}
      tabIndex={0}
      onScroll={({ currentTarget: at }) => (follows.current = at.scrollHeight - at.scrollTop - at.clientHeight < 40)}
    >
      {turns.length === 0 && <Suggestions onSuggest={onSuggest} />}
      {turns.map((turn) => (
        <div class="turn" key={turn.id}>
          <p class="question">
            <span class="hidden">You: </span>
            {turn.question}
          </p>
          <div class="answer">
            <TokenText pieces={turn.answer.pieces} isStreaming={turn.answer.end.kind === 'streaming'} />
            <AnswerMeta answer={turn.answer} />
          </div>
        </div>
      ))}
    </div>
  )
}

function Suggestions({ onSuggest }: { readonly onSuggest: (question: string) => void }) {
  return (
    <div class="suggestions">
      <p>Every token of an answer shows its probability: point at it, or walk through them with the arrow keys.</p>
      {SUGGESTIONS.map((text) => (
        <button type="button" class="quiet" key={text} onClick={() => onSuggest(text)}>
          {text}
        </button>
      ))}
    </div>
  )
}
