import fc from 'fast-check'
import { expect, it } from 'vitest'
import { stepLimits } from '../../shared/core/scratch.ts'
import { planEngineMemory } from '../../shared/placement/budget.ts'
import { parseRunFrame } from '../../shared/protocol/frame.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { must, readManifest } from '../../test/cluster/cluster.ts'
import { createDispatch } from './dispatch.ts'
import { createEngineMemory } from './engine-memory.ts'

const { spec } = await readManifest('models/demo')
const limits = stepLimits(spec, 16, 1)
const memory = createEngineMemory(spec, 'q8', must(planEngineMemory(spec, 'q8', limits)), limits, await loadKernelModules(), 'auto')[0]!
const { topK, experts } = spec.router

/** A choice of the router for each token, and a host for each expert. */
const arbStep = fc.record({
  hosts: fc.integer({ min: 1, max: 5 }),
  chosen: fc.array(fc.uniqueArray(fc.nat(experts - 1), { minLength: topK, maxLength: topK }), { minLength: 1, maxLength: 20 }),
  seed: fc.nat(99),
})

it('[WI2] [NU4] every pair travels once, with its own activations, and its row comes back where rowOf says', () => {
  fc.assert(
    fc.property(arbStep, ({ hosts, chosen, seed }) => {
      const hostOf = Array.from({ length: experts }, (_, expert) => [(expert * 7 + seed) % hosts])
      const names = Array.from({ length: hosts }, (_, h) => `expert-0${h}`)
      const placement = { epoch: 3, hosts: names, base: spec.layers.map(() => hostOf.flat()), layers: spec.layers.map(() => hostOf) }
      const { build, store } = createDispatch(memory, placement)
      const { arena, buffer, stride } = memory
      const pairs = chosen.flatMap((ids) => ids.toSorted((a, b) => a - b))
      arena.i32(buffer.routerIds, pairs.length).set(pairs)
      chosen.forEach((_, t) => arena.u8(buffer.normedQ + t * stride.normedQ, stride.normedQ).fill(t + 1))
      let sequence = 40
      const calls = build(2, chosen.length, () => ++sequence)
      expect(new Set(calls.map((call) => call.host)).size).toBe(calls.length)
      for (const call of calls) {
        const frame = must(parseRunFrame(call.frame))
        expect(frame).toMatchObject({ layer: 2, epoch: 3, sequence: call.header.sequence, pairs: call.header.pairs })
        expect(Array.from(frame.expertIds).every((expert) => hostOf[expert]![0] === call.host)).toBe(true)
        // The host's answer: a row that says which token and expert it is of.
        const rows = new Float32Array((frame.pairs * stride.normed) / 4)
        const expertOf = Array.from(frame.expertIds).flatMap((expert, i) => Array.from({ length: frame.expertPairs[i]! }, () => expert))
        expertOf.forEach((expert, i) => {
          const token = frame.activations[frame.pairTokens[i]! * frame.rowBytes]! - 1
          rows.set([token, expert], (i * stride.normed) / 4)
        })
        store(call, new Uint8Array(rows.buffer))
      }
      const rowOf = arena.u32(buffer.rowOf, pairs.length)
      pairs.forEach((expert, pair) => {
        const row = arena.f32(buffer.rows + rowOf[pair]! * stride.normed, 2)
        expect(Array.from(row)).toEqual([Math.floor(pair / topK), expert])
      })
    }),
    { numRuns: 100 },
  )
})
