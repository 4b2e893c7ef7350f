import { readModelSpec } from '../../shared/core/families.ts'
import { expect, it } from 'vitest'
import { unwrap } from '../errors.ts'
import type { Checkpoint } from '../safetensors/checkpoint.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { createExpertProber } from '../../wasm/src/expert-probe.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { TINY_CONFIG } from '../testing/tiny-checkpoint.ts'
import { TensorEncoder } from './encoder.ts'
import { writeExperts, writeTrunk } from './weights.ts'

const folder = temporaryFolder()

it('[PK2] packing holds the values of one tensor, the largest, and never allocates another', async () => {
  const config = { ...TINY_CONFIG, num_hidden_layers: 12, num_local_experts: 16, vocab_size: 640 }
  const { spec, sources } = unwrap(readModelSpec(config, null))
  const buffers = new Map<ArrayBufferLike, number>()
  let valuesRead = 0
  const zeros: Checkpoint = {
    tensors: new Map(),
    close: async () => undefined,
    readRows: async (_tensor, _rowOffset, _rows, _cols, into) => {
      buffers.set(into.buffer, into.buffer.byteLength)
      valuesRead += into.length
      into.fill(0)
    },
  }
  const tiers = ['q8', 'q4', 'f32'] as const
  const job = {
    spec,
    sources,
    tiers,
    encoder: new TensorEncoder(zeros, spec, tiers),
    prober: createExpertProber(await loadKernelModules(), spec, tiers),
    folder,
    onValues: () => undefined,
  }
  await writeTrunk(job)
  await writeExperts(job)
  const largest = 640 * 36
  expect([...buffers.values()]).toEqual([largest * 4])
  expect(valuesRead).toBeGreaterThan(20 * largest)
})
