import type { MoeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { TRUNK_PRECISIONS } from '../../shared/protocol/tiers.ts'
import { parseKernelChoice } from '../../wasm/src/kernels.ts'
import { KERNEL_MODULES } from '../kernel-modules.ts'
import { r2RangeReader, readManifest } from '../r2-store.ts'
import { oneOfSetting, tierSetting, wholeSetting } from '../settings.ts'
import type { EngineEnv } from './env.ts'
import { loadTrunk } from './load-engine.ts'
import type { LoadedTrunk } from './load-engine.ts'

/** The trunk of the deployment's pack, from R2, as its settings want it. */
export async function readTrunk(env: EngineEnv, onProgress: (read: number, total: number) => void): Promise<Result<LoadedTrunk, MoeError>> {
  const { BUCKET, MODEL_PREFIX } = env
  const settings = {
    tier: tierSetting(env.TIER),
    trunk: oneOfSetting('TRUNK', env.TRUNK, TRUNK_PRECISIONS),
    chunk: wholeSetting('PREFILL_CHUNK', env.PREFILL_CHUNK),
    lanes: wholeSetting('LANES', env.LANES, 1, LIMITS.lanesMax),
    kernels: parseKernelChoice(env.KERNELS),
  }
  const manifest = await readManifest(BUCKET, MODEL_PREFIX)
  if (!manifest.ok) return manifest
  return loadTrunk({ ...settings, manifest: manifest.value, modules: KERNEL_MODULES, reader: r2RangeReader(BUCKET, MODEL_PREFIX) }, onProgress)
}
