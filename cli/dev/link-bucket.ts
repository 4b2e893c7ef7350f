import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

/**
 * Gives another process the local R2 of `from` as it is now. Objects are hard links (Miniflare writes each once), so that they cost no
 * space; the small databases that name them are copies. Not one folder for all: workerd opens SQLite without a busy timeout, so
 * processes that open one database together meet SQLITE_BUSY (docs/design/local-cluster.md). Nobody may write to `from` meanwhile.
 * @param from, to persistence folders of Miniflare. What `to` had in R2 before is gone afterwards.
 */
export async function linkBucket(from: string, to: string): Promise<void> {
  const [source, target] = [join(from, 'r2'), join(to, 'r2')]
  const draft = `${target}.draft` // so that a copy is whole or not there
  await rm(draft, { recursive: true, force: true })
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.sqlite-shm')) continue // an index of the log, made anew by who opens it
    const path = join(entry.parentPath, entry.name)
    const copy = join(draft, relative(source, path))
    await mkdir(dirname(copy), { recursive: true })
    await (/\.sqlite(-wal)?$/.test(entry.name) ? copyFile(path, copy) : link(path, copy))
  }
  await rm(target, { recursive: true, force: true })
  await rename(draft, target)
}
