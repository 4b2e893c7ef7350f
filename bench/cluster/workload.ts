import type { DriverTimes } from './driver-api.ts'

/** Ids of 'a' to 'z' in a byte-level tokenizer: a peer that takes text only gets the same prompt. */
const FIRST_LETTER = 97
const LETTERS = 26

/** Prompts that never repeat, so that no prefix cache shortens a round: the same sequence of prompts in every run. */
export function createPrompts(seed: number): (tokens: number) => number[] {
  let state = seed >>> 0
  const letter = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return FIRST_LETTER + ((state >>> 16) % LETTERS)
  }
  return (tokens) => Array.from({ length: tokens }, letter)
}

/** Prompt tokens a second, up to the first new token. */
export function prefillRate(promptTokens: number, firstTokenMs: number): number {
  return (promptTokens / firstTokenMs) * 1000
}

/** New tokens a second after the first one of a single sequence. */
export function decodeRate(atMs: readonly number[]): number {
  if (atMs.length < 2) throw new Error('a decode rate needs two tokens')
  return ((atMs.length - 1) / (atMs.at(-1)! - atMs[0]!)) * 1000
}

/**
 * New tokens a second of `sequences` while all of them decode: from the first token of the one that began last to the last token of the one
 * that ended first. Their own rates in that time, added up: they need not keep in step.
 */
export function batchDecodeRate({ tokens }: DriverTimes, sequences: number): number {
  const bySequence = Array.from({ length: sequences }, (_, index) => tokens.filter((token) => token.index === index).map((token) => token.atMs))
  if (bySequence.some((times) => times.length === 0)) throw new Error('a sequence without a token')
  const fromMs = Math.max(...bySequence.map((times) => times[0]!))
  const toMs = Math.min(...bySequence.map((times) => times.at(-1)!))
  return bySequence.reduce((sum, times) => sum + decodeRate(times.filter((atMs) => atMs >= fromMs && atMs <= toMs)), 0)
}
