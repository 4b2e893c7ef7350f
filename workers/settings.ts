import { isTier } from '../shared/protocol/tiers.ts'
import type { Tier } from '../shared/protocol/tiers.ts'

/** Settings are strings of a deployment. A wrong one is a mistake of whoever deployed, and throws before anything is served. */
export function wholeSetting(name: string, value: string, min = 1, max = 1e15): number {
  const number = Number(value)
  if (!/^[0-9]{1,16}$/.test(value) || number < min || number > max)
    throw new Error(`setting ${name} is '${value}', expected a whole number from ${min} to ${max}`)
  return number
}

export function tierSetting(value: string): Tier {
  if (!isTier(value)) throw new Error(`setting TIER is '${value}', expected q8, q4 or f32`)
  return value
}

export function oneOfSetting<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  if (found === undefined) throw new Error(`setting ${name} is '${value}', expected ${choices.join(' or ')}`)
  return found
}

/** A JSON list of strings. */
export function namesSetting(name: string, value: string): string[] {
  const names: unknown = JSON.parse(value)
  if (!Array.isArray(names) || !names.every((item) => typeof item === 'string')) throw new Error(`setting ${name} is not a list of names`)
  return names
}
