import fc from 'fast-check'
import { expect, it } from 'vitest'
import { must } from '../../test/cluster/must.ts'
import { createRunFrame, parseRunFrame } from '../../shared/protocol/frame.ts'
import type { RunFrame } from '../../shared/protocol/frame.ts'
import { chooseReplicas, segmentsOf, subFrame } from './reroute.ts'

/** A frame whose activations say which token they are of. [experts] → tokens of each. */
function frameOf(tokensOf: readonly (readonly number[])[]): RunFrame {
  const asked = tokensOf.flatMap((tokens, expert) => (tokens.length > 0 ? [{ expert, tokens }] : []))
  const tokens = Math.max(...tokensOf.flat()) + 1
  const pairs = asked.reduce((sum, each) => sum + each.tokens.length, 0)
  const { frame, experts, pairTokens, activations } = createRunFrame({ sequence: 7, layer: 2, epoch: 3, tokens, pairs, experts: asked.length, rowBytes: 16 })
  asked.forEach((each, i) => experts.set([each.expert, each.tokens.length], 2 * i))
  pairTokens.set(asked.flatMap((each) => each.tokens))
  for (let token = 0; token < tokens; token++) activations.fill(token + 1, token * 16, (token + 1) * 16)
  return must(parseRunFrame(frame))
}

const arbTokens = fc
  .array(fc.uniqueArray(fc.nat(9), { maxLength: 6 }), { minLength: 1, maxLength: 8 })
  .filter((tokensOf) => tokensOf.some((tokens) => tokens.length > 0))

it('[FA4] a frame cut from another asks for the same pairs with the same activations, each token once', () => {
  fc.assert(
    fc.property(arbTokens, fc.nat(255), (tokensOf, drawn) => {
      const whole = frameOf(tokensOf)
      const all = segmentsOf(whole)
      expect(all.map(({ expert }) => expert)).toEqual(tokensOf.flatMap((tokens, expert) => (tokens.length > 0 ? [expert] : [])))
      const kept = all.filter((_, i) => (drawn >> i) % 2 === 0)
      if (kept.length === 0) return
      const { header, frame } = subFrame(whole, kept, 99, 5)
      const cut = must(parseRunFrame(frame))
      expect(cut).toMatchObject({ ...header, sequence: 99, epoch: 5, layer: 2 })
      const asked = segmentsOf(cut).map(({ expert, first, count }) => ({
        expert,
        tokens: Array.from(cut.pairTokens.subarray(first, first + count), (token) => cut.activations[token * 16]! - 1),
      }))
      expect(asked).toEqual(kept.map(({ expert }) => ({ expert, tokens: tokensOf[expert]! })))
      expect(cut.tokens).toBe(new Set(kept.flatMap(({ expert }) => tokensOf[expert]!)).size)
    }),
  )
})

const PLACEMENT = { epoch: 1, hosts: ['a', 'b', 'c'], base: [[0, 0, 0, 1]], layers: [[[0], [0, 1], [0, 1, 2], [1, 2]]] }
const SEGMENTS = [0, 1, 2, 3].map((expert) => ({ expert, first: expert, count: 1 + expert }))
const nobody = () => false

it('[FA4] pairs go to a replica that has not refused them, even shares first; what has none is stuck', () => {
  const { routes, stuck } = chooseReplicas(PLACEMENT, 0, SEGMENTS, (_, host) => host === 'a', nobody)
  expect(routes.map(({ host, segments }) => [host, segments.map(({ expert }) => expert)])).toEqual([
    [1, [1, 3]],
    [2, [2]],
  ])
  expect(stuck.map(({ expert }) => expert)).toEqual([0])
})

it('[FA7] a host that is avoided gets only what no other has', () => {
  const { routes, stuck } = chooseReplicas(PLACEMENT, 0, SEGMENTS, nobody, (host) => host !== 'b')
  expect(routes.map(({ host, segments }) => [host, segments.map(({ expert }) => expert)])).toEqual([
    [0, [0]],
    [1, [1, 2, 3]],
  ])
  expect(stuck).toEqual([])
})
