import { useSignal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { ChatStore } from '../chat/chat-store.ts'
import type { ClusterStore } from '../cluster/cluster-store.ts'
import type { Keys } from '../server/keys.ts'
import { wantsKey } from '../server/request.ts'
import { ChatPane } from './chat-pane.tsx'
import { ClusterPane } from './cluster-pane.tsx'
import { EngineStatusPill } from './engine-status.tsx'
import { KeysPanel } from './keys-panel.tsx'

export interface AppProps {
  readonly chat: ChatStore
  readonly cluster: ClusterStore
  readonly keys: ReadonlySignal<Keys>
  readonly setKeys: (keys: Keys) => void
}

export function App({ chat, cluster, keys, setKeys }: AppProps) {
  const isOpen = useSignal(false)
  const model = chat.model.value
  const wants = { api: chat.failure.value !== null && wantsKey(chat.failure.value), admin: cluster.failure.value !== null && wantsKey(cluster.failure.value) }
  return (
    <>
      <a class="skip" href="#question">
        Skip to the chat
      </a>
      <header class="top">
        <h1>isomoe</h1>
        {model && (
          <p class="model">
            <strong>{model.id}</strong>
            <span>{model.tier}</span>
            <span>{model.contextTokens.toLocaleString('en-US')} tokens of context</span>
          </p>
        )}
        <EngineStatusPill cluster={cluster} />
        <button type="button" class="quiet" aria-expanded={isOpen.value} aria-controls="keys" onClick={() => (isOpen.value = !isOpen.value)}>
          Keys
        </button>
      </header>
      {(isOpen.value || wants.api || wants.admin) && (
        <KeysPanel
          keys={keys.value}
          wants={wants}
          onSave={(next) => {
            setKeys(next)
            isOpen.value = false
          }}
        />
      )}
      <main>
        <ChatPane chat={chat} keys={keys} />
        <ClusterPane cluster={cluster} />
      </main>
    </>
  )
}
