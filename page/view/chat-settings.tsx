import type { Signal } from '@preact/signals'
import { SETTINGS_BOUNDS } from '../chat/conversation.ts'
import type { ChatSettings } from '../chat/conversation.ts'

/** Temperature, length and seed. A field that is not a number keeps the last one that was. */
export function ChatSettingsFields({ settings }: { readonly settings: Signal<ChatSettings> }) {
  const { temperature, maxTokens, seed } = settings.value
  const field = (name: keyof ChatSettings, label: string, step: number | 'any', value: number | null) => (
    <label>
      {label}
      <input
        type="number"
        inputMode="decimal"
        step={step}
        {...SETTINGS_BOUNDS[name]}
        value={value ?? ''}
        placeholder={name === 'seed' ? 'random' : undefined}
        required={name !== 'seed'}
        onInput={({ currentTarget: input }) => {
          if (input.validity.valid) settings.value = { ...settings.value, [name]: input.value === '' ? null : input.valueAsNumber }
        }}
      />
    </label>
  )
  return (
    <fieldset class="settings">
      <legend class="hidden">Sampling</legend>
      {field('temperature', 'Temperature', 'any', temperature)}
      {field('maxTokens', 'Max tokens', 1, maxTokens)}
      {field('seed', 'Seed', 1, seed)}
    </fieldset>
  )
}
