import { existsSync } from 'node:fs'
import { cp, link, mkdir, readdir, rename } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'

/**
 * Gives a cluster's state folder the storage of one that was seeded before and is stopped. Seeding a pack of 900 MB takes half a minute, and
 * a bench runs many clusters. Blobs are never written again, so they are linked; databases are copied.
 */
export async function copySeededStorage(from: string, to: string): Promise<void> {
  if (existsSync(to)) return
  const draft = `${to}.draft-${process.pid}`
  for (const file of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue
    const source = join(file.parentPath, file.name)
    const target = source.replace(from, draft)
    await mkdir(dirname(target), { recursive: true })
    if (file.parentPath.split(sep).includes('blobs')) await link(source, target)
    else await cp(source, target)
  }
  await rename(draft, to)
}
