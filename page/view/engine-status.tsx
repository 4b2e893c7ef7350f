import type { EngineStatus } from '../../shared/protocol/engine-api.ts'
import type { ClusterStore } from '../cluster/cluster-store.ts'
import { formatBytes } from '../format.ts'

/** How the engine stands, in a word. */
export function EngineStatusPill({ cluster }: { readonly cluster: ClusterStore }) {
  const view = cluster.view.value
  const failure = cluster.failure.value
  const { kind, text } = failure ? { kind: 'bad', text: failure.code } : view ? statusWord(view.status) : { kind: 'idle', text: 'asking…' }
  return (
    <p class={`pill ${kind}`} role="status">
      {text}
    </p>
  )
}

function statusWord(status: EngineStatus): { readonly kind: 'good' | 'idle' | 'bad'; readonly text: string } {
  switch (status.state) {
    case 'ready':
      return { kind: 'good', text: 'ready' }
    case 'loading':
      return { kind: 'idle', text: status.bytesTotal > 0 ? `loading ${formatBytes(status.bytesRead)} of ${formatBytes(status.bytesTotal)}` : 'loading' }
    case 'failed':
      return { kind: 'bad', text: status.error.code }
  }
}
