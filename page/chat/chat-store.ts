import { computed, signal } from '@preact/signals'
import { sendForJson, wantsKey } from '../server/request.ts'
import type { Failure } from '../server/request.ts'
import { beginAnswer, growAnswer, stopAnswer } from './answer.ts'
import type { Answer } from './answer.ts'
import { ask } from './ask.ts'
import { chatRequest, SETTINGS_DEFAULT } from './conversation.ts'
import type { Turn } from './conversation.ts'

/** What GET /v1/models says of the one model that is served. */
export interface ServedModel {
  readonly id: string
  readonly tier: string
  readonly contextTokens: number
}

interface ModelList {
  readonly data?: readonly { readonly id: string; readonly tier: string; readonly context_length: number }[]
}

export interface ChatHooks {
  nowMs(): number
  /** Runs `work` with the next picture: answers come faster than a screen shows them. */
  nextPicture(work: () => void): void
}

/** The conversation, as signals. It lives in this page alone. */
export function createChatStore({ nowMs, nextPicture }: ChatHooks) {
  const turns = signal<readonly Turn[]>([])
  const settings = signal(SETTINGS_DEFAULT)
  const model = signal<ServedModel | null>(null)
  const failure = signal<Failure | null>(null)
  const running = signal<AbortController | null>(null)
  let ids = 0
  let questions = 0

  /** Asks which model is served. Of two questions the later one counts: it has the newer key. Rejects only where the signal ended it. */
  async function loadModel(key: string, ended: AbortSignal = new AbortController().signal): Promise<ServedModel | null> {
    const question = ++questions
    const sent = await sendForJson('/v1/models', { key, signal: ended })
    if (question !== questions) return model.value
    failure.value = sent.ok ? null : sent.failure
    if (sent.ok) {
      const [served] = (sent.value as ModelList).data ?? []
      model.value = served ? { id: served.id, tier: served.tier, contextTokens: served.context_length } : null
    }
    return model.value
  }

  /** Sends a question with all turns before it. One answer at a time. */
  async function submit(question: string, key: string): Promise<void> {
    if (running.value !== null) return
    const controller = new AbortController()
    running.value = controller
    const before = turns.value
    const turn: Turn = { id: ids++, question, answer: beginAnswer(nowMs()) }
    turns.value = [...before, turn]
    const show = createShow((answer) => {
      turns.value = turns.value.map((each) => (each.id === turn.id ? { ...each, answer } : each))
    }, nextPicture)
    const onRefused = (what: Failure): void => {
      if (wantsKey(what)) failure.value = what // the key was good once
    }
    try {
      const served = model.value ?? (await loadModel(key, controller.signal))
      if (served === null) {
        const { code = 'no_model', message = 'The server names no model.' } = failure.value ?? {}
        show.now(growAnswer(turn.answer, [{ type: 'error', code, message }], nowMs()))
        return
      }
      const body = chatRequest(served.id, before, question, settings.value)
      show.now(await ask(turn.answer, { key, body, signal: controller.signal, nowMs, onRefused, onAnswer: show.soon }))
    } catch (error) {
      if (!controller.signal.aborted) throw error
      show.now(stopAnswer(show.last() ?? turn.answer))
    } finally {
      running.value = null
    }
  }

  return {
    turns,
    settings,
    model,
    failure,
    isRunning: computed(() => running.value !== null),
    loadModel,
    submit,
    stop: () => running.value?.abort(),
    clear: () => {
      running.value?.abort()
      turns.value = []
    },
  }
}

export type ChatStore = ReturnType<typeof createChatStore>

/** Shows the newest of many answers once a picture, and the last one at once. */
function createShow(show: (answer: Answer) => void, nextPicture: ChatHooks['nextPicture']) {
  let last: Answer | null = null
  let waiting = false
  return {
    last: () => last,
    now(answer: Answer): void {
      last = answer
      show(answer)
    },
    soon(answer: Answer): void {
      last = answer
      if (waiting) return
      waiting = true
      nextPicture(() => {
        waiting = false
        show(last!)
      })
    },
  }
}
