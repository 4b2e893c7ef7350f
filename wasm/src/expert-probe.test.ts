import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { encodedBytes, hiPlaneBytes } from '../../shared/core/layout.ts'
import { hostTokenBytes } from '../../shared/core/scratch.ts'
import { encodeMatrix } from '../../shared/core/p8.ts'
import { probeVector } from '../../shared/core/probe-vector.ts'
import { expertMatrices } from '../../shared/core/tensors.ts'
import { expertEncoding, TIERS } from '../../shared/protocol/tiers.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import { createExpertProber, probeDigest, probeRow } from './expert-probe.ts'
import { expertWeightsAt } from './expert-weights.ts'
import { onEveryBuild, randomFloats } from './kernel-rig.ts'
import { loadKernelModules } from './load-from-disk.ts'

const sha256Hex = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const modules = await loadKernelModules()

/** An expert as it is stored: all hi planes, then all lo planes. */
function storedExpert(tier: Tier): Uint8Array {
  const encoding = expertEncoding(tier)
  const encoded = expertMatrices(TINY_SPEC).map(({ rows, cols }, i) => {
    const bytes = new Uint8Array(encodedBytes(encoding, rows, cols))
    encodeMatrix(randomFloats(i + 1, rows * cols, 0.3), rows, cols, encoding, bytes)
    return { bytes, hi: tier === 'f32' ? bytes.byteLength : hiPlaneBytes(rows, cols) }
  })
  return Buffer.concat([...encoded.map(({ bytes, hi }) => bytes.subarray(0, hi)), ...encoded.map(({ bytes, hi }) => bytes.subarray(hi))])
}

for (const tier of TIERS) {
  it(`[PK10] every build of the kernels gives the same probe row at ${tier}, whatever was in scratch before, and so does the packer's memory`, () => {
    const row = onEveryBuild((rig) => {
      const alloc = (bytes: number) => rig.alloc(bytes / 4)
      const bytes = hostTokenBytes(TINY_SPEC)
      const scratch = { x: alloc(bytes.x), xQ: alloc(bytes.xQ), gateUp: alloc(bytes.gateUp), inner: alloc(bytes.inner), out: alloc(bytes.out) }
      const weights = expertWeightsAt(TINY_SPEC, tier, rig.putBytes(storedExpert(tier)))
      return new Float32Array(probeRow(rig.k, rig.arena, TINY_SPEC, weights, scratch).slice().buffer)
    })
    expect(row.length).toBe(TINY_SPEC.hidden)
    expect(row.every((value) => value !== 0 && Number.isFinite(value))).toBe(true)
    const prober = createExpertProber(modules, TINY_SPEC, TIERS)
    prober.slot.set(storedExpert(tier))
    expect(new Float32Array(prober.run(tier).buffer)).toEqual(row)
  })
}

it('[PK10] the row is the expert’s forward of the probe vector: at f32 that of plain arithmetic', () => {
  const { hidden, expert } = TINY_SPEC
  const [gate, up, down] = expertMatrices(TINY_SPEC).map(({ rows, cols }, i) => randomFloats(i + 1, rows * cols, 0.3))
  const x = probeVector(hidden)
  const dot = (w: Float32Array, row: number, v: Float32Array) => v.reduce((sum, value, col) => sum + value * w[row * v.length + col]!, 0)
  const inner = Float32Array.from({ length: expert.width }, (_, row) => {
    const g = dot(gate!, row, x)
    return (g / (1 + Math.exp(-g))) * dot(up!, row, x)
  })
  const prober = createExpertProber(modules, TINY_SPEC, ['f32'])
  prober.slot.set(storedExpert('f32'))
  const row = new Float32Array(prober.run('f32').buffer)
  for (let i = 0; i < hidden; i++) expect(row[i]).toBeCloseTo(dot(down!, i, inner), 5)
})

it('[PK10] a digest tells experts and tiers apart', async () => {
  const prober = createExpertProber(modules, TINY_SPEC, ['q8'])
  prober.slot.set(storedExpert('q8'))
  const digest = await probeDigest(prober.run('q8'), sha256Hex)
  expect(digest).toMatch(/^[0-9a-f]{16}$/)
  expect(await probeDigest(prober.run('q4'), sha256Hex)).not.toBe(digest)
  prober.slot[5]! ^= 0x10 // a code of the gate, in the first block of columns
  expect(await probeDigest(prober.run('q8'), sha256Hex)).not.toBe(digest)
})
