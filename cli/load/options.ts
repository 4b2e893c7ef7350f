import { basename } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { numberOption, wholeNumberOption } from '../number-option.ts'
import { parseSlo } from './slo.ts'
import type { Slo } from './slo.ts'

/** `--arrivals` as it was given; a trace is read later. */
export type ArrivalsOption =
  | { readonly kind: 'poisson' | 'constant'; readonly perS: number }
  | { readonly kind: 'closed'; readonly workers: number }
  | { readonly kind: 'trace'; readonly path: string }

const RATE_MAX = 10_000

export function arrivalsOption(text: string): ArrivalsOption {
  const match = /^(poisson|constant|closed):(.*)$/.exec(text)
  if (!match) return { kind: 'trace', path: text }
  const [, kind, value] = match
  if (kind === 'closed') return { kind, workers: wholeNumberOption(1, LIMITS.loadConnectionsMax)(value!) }
  return { kind: kind as 'poisson' | 'constant', perS: numberOption(0.001, RATE_MAX)(value!) }
}

/** How reports name it. */
export function arrivalsText(option: ArrivalsOption): string {
  if (option.kind === 'closed') return `closed loop of ${option.workers} workers`
  return option.kind === 'trace' ? `trace ${basename(option.path)}` : `${option.kind} ${option.perS}/s`
}

export function sloOption(text: string): Slo {
  const slo = parseSlo(text)
  if (slo === null) throw new InvalidArgumentError('Expected limits as ttft=500,tpot=50 (ms; also 1.5s), of ttft, tpot and e2e.')
  return slo
}

export function urlOption(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '')
    throw new InvalidArgumentError('Expected an http or https URL.')
  return text
}
