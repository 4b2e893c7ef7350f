import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Manifest } from '../shared/protocol/manifest.ts'
import { describePack } from './inspect.ts'
import { readPackFolder } from './pack-folder.ts'
import { summarizePack } from './pack-summary.ts'
import { hostsNeeded } from '../shared/placement/hosts-needed.ts'
import { filesOf, packTo } from './testing/pack-to.ts'
import { temporaryFolder } from './testing/temporary-folder.ts'
import { writeFolder } from './testing/tiny-checkpoint.ts'

const root = temporaryFolder()
let manifest: Manifest
beforeAll(async () => {
  manifest = await packTo(join(root, 'pack'), writeFolder(join(root, 'tiny')), ['q8', 'f32'])
})

describe('the summary of a pack', () => {
  // TINY_CONFIG: hidden 36 (padded: 48 rows, 64 columns), width 20 (32, 32), 3 heads of 12, 1 key-value head, 2 layers, 3 experts, top 2.
  const attention = 36 * 36 + 2 * 12 * 36 + 36 * 36
  const trunk = 2 * 50 * 36 + 2 * (attention + 2 * 36 + 3 * 36) + 36
  const expert = 3 * 20 * 36

  it('[PK7] counts parameters, all and those active for one token', () => {
    expect(summarizePack(manifest).parameters).toEqual({ total: trunk + 6 * expert, activePerToken: trunk + 4 * expert })
  })

  it('[PK4] gives bytes by tier: q4 is the hi planes of q8', () => {
    const weights = 2 * 32 * 64 + 48 * 32 // padded gate and up, and down
    const slot = (bytesPerBlock: number) => Math.ceil(((weights / 256) * bytesPerBlock) / 64) * 64 // hosts place experts at multiples of 64
    const [q8, q4, f32] = summarizePack(manifest).tiers
    expect(q4).toMatchObject({ tier: 'q4', expertBytes: slot(144), layerBytes: 3 * slot(144), trunkBytes: q8!.trunkBytes })
    expect(q8).toMatchObject({ tier: 'q8', expertBytes: slot(272), expertsBytes: 6 * slot(272), hosts: 1 })
    expect(f32).toMatchObject({ tier: 'f32', expertBytes: weights * 4 })
  })

  it('[NU10] gives the KV bytes of a token by tier: codes and scales, or floats, of each layer', () => {
    const [q8, q4, f32] = summarizePack(manifest).tiers.map((tier) => tier.kvBytesPerToken)
    expect(q8).toBe(2 * (12 + 16 + 2 * 4)) // values in panels of 8 columns
    expect(q4).toBe(q8)
    expect(f32).toBe(2 * 2 * 12 * 4)
  })

  it('[PL2] gives the tokens that fit an engine: all contexts that may run, where memory does not bound them', () => {
    expect(summarizePack(manifest).tiers.map((tier) => tier.kvTokens)).toEqual(
      [64, 64, 64].map((running) => running * Math.ceil(manifest.spec.context / 16) * 16),
    )
  })

  it('[PL2] a trunk that fits no engine leaves no tokens', () => {
    const wide = { ...manifest, spec: { ...manifest.spec, vocab: 1 << 20, hidden: 1024 } }
    const summary = summarizePack(wide)
    expect(summary.tiers.map((tier) => tier.kvTokens)).toEqual([null, null, null])
    expect(describePack(summary)).toContain('the trunk is too large')
  })

  it('[CL1] reads as aligned lines', () => {
    const lines = describePack(summarizePack(manifest)).split('\n')
    expect(lines[0]).toBe('name           tiny')
    expect(lines).toContain('experts        3 a layer, top 2, width 20')
    const table = lines.slice(lines.indexOf('') + 1, -1)
    expect(table).toHaveLength(4)
    expect(new Set(table.map((line) => line.length)).size).toBe(1)
  })
})

describe('hosts needed', () => {
  it('[PL2] an expert is not split: three of 40 in hosts of 100 need two, though their bytes are 1.2 hosts', () => {
    expect(hostsNeeded([[40, 40, 40]], 100)).toBe(2)
    expect(hostsNeeded([[60, 60], [60]], 100)).toBe(3)
    expect(hostsNeeded([[10, 10], [], [10]], 100)).toBe(1)
  })

  it('[PL2] an expert above the arena fits nowhere', () => {
    expect(hostsNeeded([[101]], 100)).toBeNull()
  })
})

describe('a pack on disk', () => {
  /** A copy of the good pack, with `change` done to it. */
  function spoiled(name: string, change: (folder: string) => void): string {
    const folder = writeFolder(join(root, name), { extra: Object.fromEntries(filesOf(join(root, 'pack'))) })
    change(folder)
    return folder
  }

  it('[PK3] with a changed manifest is refused by its digest', async () => {
    const folder = spoiled('changed', (path) => writeFileSync(join(path, 'manifest.json'), JSON.stringify({ ...manifest, name: 'other' })))
    await expect(readPackFolder(folder)).rejects.toThrow(/^digest: says/)
  })

  it('[PK3] with an object missing or cut is refused by name', async () => {
    await expect(readPackFolder(spoiled('missing', (path) => rmSync(join(path, 'experts-1.bin'))))).rejects.toThrow('experts-1.bin is missing')
    await expect(readPackFolder(spoiled('cut', (path) => truncateSync(join(path, 'trunk.f32.bin'), 100)))).rejects.toThrow('trunk.f32.bin is truncated')
  })
})
