import { expect, it } from 'vitest'
import { hiPlaneBytes, padCols } from '../../shared/core/layout.ts'
import { decodeMatrix } from '../../shared/core/p8.ts'
import { memoryStore, rangeReader } from '../../test/fixtures/memory-store.ts'
import { loadTinyPack } from '../../test/fixtures/load-tiny-pack.ts'
import { sameBits } from '../../wasm/src/kernel-rig.ts'
import { loadTrunk } from './load-engine.ts'

const { manifest, modules, objects } = await loadTinyPack()

async function loadTiny(trunk: 'q8' | 'q4') {
  const reader = rangeReader(memoryStore(objects).store)
  const loaded = await loadTrunk({ manifest, tier: 'q4', trunk, chunk: 8, lanes: 1, modules, kernels: 'auto', reader }, () => undefined)
  if (!loaded.ok) throw new Error(loaded.error.message)
  return { memory: loaded.value.lanes[0]!, manifest }
}

it('[PK4] a q4 trunk is the hi planes of the stored q8 trunk, and its kernels read what the scalar codec decodes', async () => {
  const { memory, manifest } = await loadTiny('q4')
  const stored = manifest.trunk.q8.filter((entry) => entry.encoding === 'q8')
  expect(stored.length).toBeGreaterThan(5)
  for (const { name, object, offset, rows, cols } of stored) {
    const hi = objects.get(object)!.subarray(offset, offset + hiPlaneBytes(rows, cols))
    const matrix = memory.matrix(name)
    expect(matrix.encoding).toBe('q4')
    const decoded = decodeMatrix(hi, 'q4', rows, cols)
    const y = memory.buffer.residual
    for (let row = 0; row < rows; row++) {
      memory.kernels.row_q4(matrix.ptr, row, padCols(cols), y)
      if (!sameBits(memory.arena.f32(y, cols), decoded.subarray(row * cols, (row + 1) * cols))) throw new Error(`${name}, row ${row}`)
    }
  }
})

it('[PK4] what the tier does not change is the same with either trunk', async () => {
  const [q8, q4] = [(await loadTiny('q8')).memory, (await loadTiny('q4')).memory]
  expect(q8.matrix('embed').encoding).toBe('q8')
  const { rows, cols } = q4.matrix('layers.0.router')
  expect(sameBits(q4.arena.f32(q4.matrix('layers.0.router').ptr, rows * cols), q8.arena.f32(q8.matrix('layers.0.router').ptr, rows * cols))).toBe(true)
  expect(sameBits(q4.arena.f32(q4.vector('norm'), 40), q8.arena.f32(q8.vector('norm'), 40))).toBe(true)
})
