import { describe, expect, it } from 'vitest'
import { readJson } from '../../test/fixtures/read-checkpoint.ts'
import { readModelSpec } from './families.ts'
import type { ModelSpec } from './model-spec.ts'
import { ropeTable, ropeTurns } from './rope.ts'

/** Made by test/fixtures/models/generate_rope.py with transformers 5.23.0: what its config says, and the f32 frequencies it takes from it. */
interface Case {
  readonly head_dim: number
  readonly context: number
  readonly config: Readonly<Record<string, unknown>>
  readonly inv_freq: readonly number[]
  readonly attention_factor: number
}

const models = new URL('../../test/fixtures/models/', import.meta.url)
const cases = Object.entries(readJson(new URL('rope.json', models)) as Record<string, Case>)

function specOf({ head_dim, context, config }: Case): ModelSpec {
  const { rope_theta: _, rope_scaling: __, ...mixtral } = readJson(new URL('mixtral/config.json', models)) as Record<string, unknown>
  const read = readModelSpec({ ...mixtral, ...config, head_dim, max_position_embeddings: context }, null)
  if (!read.ok) throw new Error(read.error.message)
  return read.value.spec
}

function tableAt(spec: ModelSpec, position: number): { cos: Float32Array; sin: Float32Array } {
  const pairs = spec.attention.headDim / 2
  const table = { cos: new Float32Array(pairs), sin: new Float32Array(pairs) }
  ropeTable(ropeTurns(spec), position, table.cos, table.sin)
  return table
}

describe('ropeTable', () => {
  it.each(cases)('[NU1] turns as transformers does: %s', (_, golden) => {
    const spec = specOf(golden)
    const { cos, sin } = tableAt(spec, 1)
    expect(cos).toHaveLength(golden.inv_freq.length)
    golden.inv_freq.forEach((want, i) => {
      const [x, y] = [cos[i]!, sin[i]!]
      // At position 1 no frequency turns further than 1 radian: the angle is the frequency, the length the attention factor.
      expect(Math.abs(Math.atan2(y, x) / want - 1)).toBeLessThan(1e-6)
      expect(Math.abs(Math.hypot(x, y) / golden.attention_factor - 1)).toBeLessThan(1e-6)
    })
  })

  it('[NU1] multiplies the frequency by the position before it rounds', () => {
    const spec = specOf(cases.find(([name]) => name === 'default')![1])
    const { cos, sin } = tableAt(spec, 100_003)
    cos.forEach((x, i) => {
      const angle = 100_003 * 10_000 ** (-i / 16)
      expect(x).toBe(Math.fround(Math.cos(angle)))
      expect(sin[i]).toBe(Math.fround(Math.sin(angle)))
    })
  })

  it('[NU1] turns nothing at position 0', () => {
    for (const [, golden] of cases) {
      const { cos, sin } = tableAt(specOf(golden), 0)
      expect(new Set(cos)).toEqual(new Set([Math.fround(golden.attention_factor)]))
      expect(new Set(sin)).toEqual(new Set([0]))
    }
  })
})
