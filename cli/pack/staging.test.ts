import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesOf, packTo } from '../testing/pack-to.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { TINY_CONFIG, tinyTensors, writeFolder } from '../testing/tiny-checkpoint.ts'

const root = temporaryFolder()
const tiny = writeFolder(join(root, 'tiny'))

/** A checkpoint whose last tensor has a NaN: the fault shows when nearly all is written. */
function badCheckpoint(): string {
  const tensors = tinyTensors()
  const name = 'model.layers.1.block_sparse_moe.experts.2.w2.weight'
  const last = tensors.get(name)!
  tensors.set(name, { ...last, bytes: last.bytes.with(0, 0xc0).with(1, 0x7f) })
  return writeFolder(join(root, 'bad'), { tensors })
}

/** A place of its own for a test, so that leftovers are seen. */
function place(name: string): string {
  mkdirSync(join(root, name))
  return join(root, name)
}

describe('a pack that fails', () => {
  it('[PK9] leaves nothing behind', async () => {
    const here = place('fails')
    await expect(packTo(join(here, 'out'), badCheckpoint())).rejects.toThrow('experts.2.w2.weight has an infinite or NaN value at element 0')
    expect(readdirSync(here)).toEqual([])
  })

  it('[PK9] leaves the pack that was there as it was', async () => {
    const here = place('keeps')
    await packTo(join(here, 'out'), tiny)
    const before = filesOf(join(here, 'out'))
    await expect(packTo(join(here, 'out'), badCheckpoint())).rejects.toThrow()
    expect(filesOf(join(here, 'out'))).toEqual(before)
    expect(readdirSync(here)).toEqual(['out'])
  })
})

describe('the target', () => {
  it('[PK9] that is a pack is replaced as a whole; its README.md stays', async () => {
    const here = place('replaces')
    await packTo(join(here, 'out'), tiny, ['f32'])
    writeFileSync(join(here, 'out', 'README.md'), 'mine')
    await packTo(join(here, 'out'), tiny, ['q4'])
    const files = filesOf(join(here, 'out'))
    expect(files.get('README.md')!.toString()).toBe('mine')
    expect([...files.keys()].some((file) => file.includes('f32'))).toBe(false)
    expect(readdirSync(here)).toEqual(['out'])
  })

  it('[PK9] may be empty, or deep in folders that do not exist', async () => {
    const empty = place('empty')
    await packTo(empty, tiny)
    await packTo(join(root, 'a/b/c'), tiny)
    expect(existsSync(join(empty, 'manifest.json')) && existsSync(join(root, 'a/b/c/manifest.json'))).toBe(true)
  })

  it('[PK9] may be a link to a pack: the link stays', async () => {
    const here = place('linked')
    await packTo(join(here, 'real'), tiny)
    symlinkSync('real', join(here, 'link'))
    await packTo(join(here, 'link'), tiny, ['f32'])
    expect(readdirSync(here).sort()).toEqual(['link', 'real'])
    expect(readFileSync(join(here, 'real', 'manifest.json'), 'utf8')).toContain('"tiers":["f32"]')
  })

  it('[PK9] that holds anything else is refused and not touched', async () => {
    const here = place('foreign')
    const cases: [files: Record<string, string>, message: RegExp][] = [
      [{ 'notes.txt': 'mine' }, /holds notes.txt/],
      [{ 'manifest.json': '{"format":"isomoe-pack"}', 'notes.txt': 'mine' }, /holds notes.txt/],
      [{ 'manifest.json': '{"format":"else"}' }, /neither empty nor an isomoe pack/],
      [{ 'README.md': 'mine' }, /neither empty nor an isomoe pack/],
    ]
    for (const [index, [files, message]] of cases.entries()) {
      const out = join(here, String(index))
      mkdirSync(out)
      for (const [file, text] of Object.entries(files)) writeFileSync(join(out, file), text)
      await expect(packTo(out, tiny)).rejects.toThrow(message)
      expect(readdirSync(out).sort()).toEqual(Object.keys(files).sort())
    }
    writeFileSync(join(here, 'file'), 'mine')
    await expect(packTo(join(here, 'file'), tiny)).rejects.toThrow('is not a folder')
  })

  it('[PK9] may not be the checkpoint itself', async () => {
    const from = writeFolder(join(root, 'self'), { config: TINY_CONFIG })
    await expect(packTo(from, from)).rejects.toThrow('holds config.json')
    expect(readdirSync(from).sort()).toEqual(['config.json', 'model.safetensors'])
  })
})
