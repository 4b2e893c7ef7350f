import { parse, tokenize } from '@huggingface/jinja'
import type { Interpreter } from '@huggingface/jinja'
import type { Value } from './values.ts'

/** The library's syntax tree. Its node classes are not exported: what is read here is named below. */
export type Statement = NonNullable<Parameters<Interpreter['evaluate']>[0]>
export type Node = Statement & Readonly<Record<string, unknown>>

/** Nodes that a block runs; all others in a block are expressions, whose value is written. */
const STATEMENTS = new Set(['Set', 'If', 'For', 'Macro', 'CallStatement', 'Break', 'Continue', 'FilterStatement', 'Comment', 'StringLiteral'])

/** @throws Error of the library where the text is no template. */
export function parseTemplate(source: string): Node {
  // As transformers sets Jinja up: trim_blocks and lstrip_blocks. One newline at the end goes, as in Jinja.
  const program = parse(tokenize(source, { trim_blocks: true, lstrip_blocks: true }))
  return markOutputs(program as unknown as Node)
}

/** A node that gives a value which is known already: so an operand can be looked at before the library works with it. */
export function valueNode(value: Value): Node {
  return { type: 'Value', value } as unknown as Node
}

/** The same node with some children replaced. */
export function withChildren(node: Node, children: Readonly<Record<string, unknown>>): Node {
  return Object.assign(Object.create(Object.getPrototypeOf(node)), node, children)
}

/** Wraps each expression that a block writes, because a value is written in another way than it is passed on. */
function markOutputs(part: Node): Node {
  const changed: Record<string, unknown> = {}
  for (const field of ['body', 'alternate', 'defaultBlock']) {
    const block = part[field]
    if (Array.isArray(block)) changed[field] = block.map(outputOf)
  }
  return Object.keys(changed).length === 0 ? part : withChildren(part, changed)
}

/** A node of the library's kind: it looks through bodies of macros for `varargs` and `kwargs`, and passes over all else. */
function outputOf(part: Node): unknown {
  return STATEMENTS.has(part.type) ? markOutputs(part) : Object.assign(Object.create(Object.getPrototypeOf(part)), { type: 'Output', value: part })
}

const counts = new WeakMap<object, number>()

/** Nodes in a part of the tree, which the library walks through where a macro is defined. */
export function nodeCount(part: unknown): number {
  if (typeof part !== 'object' || part === null) return 0
  const known = counts.get(part)
  if (known !== undefined) return known
  const children: unknown[] = part instanceof Map ? [...part].flat() : Object.values(part)
  const count = children.reduce<number>((sum, child) => sum + nodeCount(child), 1)
  counts.set(part, count)
  return count
}
