import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { linkBucket } from './link-bucket.ts'

const root = temporaryFolder()

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, folder, 'r2', name, '..'), { recursive: true })
    writeFileSync(join(root, folder, 'r2', name), text)
  }
}

const at = (folder: string, name: string) => join(root, folder, 'r2', name)

it('[CL7] objects are the same files, databases are copies, and nothing of an earlier bucket is left', async () => {
  write('one', { 'isomoe/blobs/a': 'weights', 'objects/x.sqlite': 'names', 'objects/x.sqlite-wal': 'log', 'objects/x.sqlite-shm': 'index' })
  write('two', { 'isomoe/blobs/old': 'old', 'objects/x.sqlite-shm': 'stale' })
  await linkBucket(join(root, 'one'), join(root, 'two'))
  expect(statSync(at('two', 'isomoe/blobs/a')).ino).toBe(statSync(at('one', 'isomoe/blobs/a')).ino)
  for (const [name, text] of [
    ['objects/x.sqlite', 'names'],
    ['objects/x.sqlite-wal', 'log'],
  ] as const) {
    expect(readFileSync(at('two', name), 'utf8')).toBe(text)
    expect(statSync(at('two', name)).ino).not.toBe(statSync(at('one', name)).ino)
  }
  expect(['isomoe/blobs/old', 'objects/x.sqlite-shm'].filter((name) => existsSync(at('two', name)))).toEqual([])
})
