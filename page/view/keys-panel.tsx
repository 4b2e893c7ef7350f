import { useSignal } from '@preact/signals'
import type { Keys } from '../server/keys.ts'

export interface KeysPanelProps {
  readonly keys: Keys
  /** Which one the server asked for. */
  readonly wants: { readonly api: boolean; readonly admin: boolean }
  readonly onSave: (keys: Keys) => void
}

/** Both keys. They stay in this tab: sessionStorage, and the Authorization header. */
export function KeysPanel({ keys, wants, onSave }: KeysPanelProps) {
  const draft = useSignal(keys)
  const field = (name: 'api' | 'admin', label: string, id: string) => (
    <label for={id}>
      {label}
      <input
        id={id}
        type="password"
        autocomplete="off"
        spellcheck={false}
        maxLength={512}
        value={draft.value[name]}
        onInput={({ currentTarget }) => (draft.value = { ...draft.value, [name]: currentTarget.value })}
      />
      {wants[name] && <em>{keys[name] === '' ? 'The server asks for it.' : 'The server did not take it.'}</em>}
    </label>
  )
  return (
    <form
      id="keys"
      class="keys"
      aria-label="Keys"
      onSubmit={(event) => {
        event.preventDefault()
        onSave(draft.value)
      }}
    >
      {field('api', 'API key, for the chat', 'api-key')}
      {field('admin', 'Admin key, for the cluster', 'admin-key')}
      <div class="actions">
        <button type="submit">Use them in this tab</button>
        <button type="button" class="quiet" onClick={() => onSave({ api: '', admin: '' })}>
          Forget both
        </button>
      </div>
    </form>
  )
}
