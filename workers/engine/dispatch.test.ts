import fc from 'fast-check'
import { expect, it } from 'vitest'
import { stepLimits } from '../../shared/core/scratch.ts'
import { planEngineMemory } from '../../shared/placement/budget.ts'
import { createSplitter } from '../../shared/placement/splitter.ts'
import { parseRunFrame } from '../../shared/protocol/frame.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { must, readManifest } from '../../test/cluster/cluster.ts'
import { createDispatch } from './dispatch.ts'
import { createEngineMemory } from './engine-memory.ts'
import { layerTable } from './layer-table.ts'

const { spec } = await readManifest('models/demo')
const limits = stepLimits(spec, 16, 1)
const memory = createEngineMemory(spec, 'q8', must(planEngineMemory(spec, 'q8', limits)), limits, await loadKernelModules(), 'auto')[0]!
const { topK, experts } = spec.router

/** A choice of the router for each token, and a host for each expert. */
const arbStep = fc.record({
  hosts: fc.integer({ min: 1, max: 5 }),
  chosen: fc.array(fc.uniqueArray(fc.nat(experts - 1), { minLength: topK, maxLength: topK }), { minLength: 1, maxLength: 20 }),
  seed: fc.nat(99),
  /** Extra copies: of an expert, on a host; whoever has it already gets no second one. */
  copies: fc.array(fc.tuple(fc.nat(experts - 1), fc.nat(4)), { maxLength: 12 }),
  callPairs: fc.nat(3),
  avoided: fc.nat(9),
})

it('[WI2] [NU4] [EL2] every pair travels once, with its own activations, to a host that has its expert, and its row comes back where rowOf says', () => {
  const load = spec.layers.map(() => new Uint32Array(experts))
  fc.assert(
    fc.property(arbStep, ({ hosts, chosen, seed, copies, callPairs, avoided }) => {
      const hostsOf = Array.from({ length: experts }, (_, expert) => new Set([(expert * 7 + seed) % hosts]))
      for (const [expert, host] of copies) hostsOf[expert]!.add(host % hosts)
      const replicas = hostsOf.map((held) => Array.from(held).toSorted((a, b) => a - b))
      const table = layerTable(replicas, hosts, (host) => host === avoided)
      load[2]!.fill(0)
      const { build, store } = createDispatch(
        memory,
        createSplitter(hosts, () => callPairs),
        load,
      )
      const { arena, buffer, stride } = memory
      const pairs = chosen.flatMap((ids) => ids.toSorted((a, b) => a - b))
      arena.i32(buffer.routerIds, pairs.length).set(pairs)
      chosen.forEach((_, t) => arena.u8(buffer.normedQ + t * stride.normedQ, stride.normedQ).fill(t + 1))
      let sequence = 40
      const calls = build({ layer: 2, epoch: 3, table, tokens: chosen.length }, () => ++sequence)
      expect(calls.map((call) => call.host)).toEqual(Array.from(new Set(calls.map((call) => call.host))).toSorted((a, b) => a - b))
      for (const call of calls) {
        const frame = must(parseRunFrame(call.frame))
        expect(frame).toMatchObject({ layer: 2, epoch: 3, sequence: call.header.sequence, pairs: call.header.pairs })
        const usable = Array.from(frame.expertIds, (expert) => replicas[expert]!.filter((host) => host !== avoided))
        expect(Array.from(frame.expertIds).every((expert) => replicas[expert]!.includes(call.host))).toBe(true)
        if (call.host === avoided) expect(usable.every((left) => left.length === 0)).toBe(true)
        else expect(call.elsewhere).toBe(usable.every((left) => left.length > 1))
        // The host's answer: a row that says which token and expert it is of.
        const rows = new Float32Array((frame.pairs * stride.normed) / 4)
        const expertOf = Array.from(frame.expertIds).flatMap((expert, i) => Array.from({ length: frame.expertPairs[i]! }, () => expert))
        expertOf.forEach((expert, i) => {
          const token = frame.activations[frame.pairTokens[i]! * frame.rowBytes]! - 1
          rows.set([token, expert], (i * stride.normed) / 4)
        })
        store(call.firstRow, new Uint8Array(rows.buffer))
      }
      const rowOf = arena.u32(buffer.rowOf, pairs.length)
      pairs.forEach((expert, pair) => {
        const row = arena.f32(buffer.rows + rowOf[pair]! * stride.normed, 2)
        expect(Array.from(row)).toEqual([Math.floor(pair / topK), expert])
      })
      expect(load[2]!.reduce((sum, count) => sum + count)).toBe(pairs.length)
      for (const expert of pairs) expect(load[2]![expert]).toBe(pairs.filter((id) => id === expert).length)
    }),
    { numRuns: 150 },
  )
})
