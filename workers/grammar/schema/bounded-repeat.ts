import { oneOf, repeat } from './rules.ts'
import type { Rules } from './rules.ts'

/** Items of a block. A chain of optional items costs each mask its length: 0.6 s and more for 512 characters, a chain of blocks a tenth. */
const BLOCK = 16

/** The item so many times, as whole blocks and a rest. @param item a rule. */
export function exactly(rules: Rules, item: string, count: number): string {
  const blocks = Math.floor(count / BLOCK)
  return `${repeat(block(rules, item), blocks, blocks)} ${repeat(item, count % BLOCK, count % BLOCK)}`
}

/** Up to so many times: whole blocks but the last with any rest, or all of them with what is left. */
export function atMost(rules: Rules, item: string, count: number): string {
  const blocks = Math.floor(count / BLOCK)
  const last = repeat(item, 0, count % BLOCK)
  if (blocks === 0) return last
  return oneOf([`${repeat(block(rules, item), 0, blocks - 1)} ${repeat(item, 0, BLOCK - 1)}`, `${repeat(block(rules, item), blocks, blocks)} ${last}`])
}

function block(rules: Rules, item: string): string {
  return rules.rule(Array.from({ length: BLOCK }, () => item).join(' '))
}
