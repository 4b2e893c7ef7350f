import { createHash } from 'node:crypto'
import { bundleWorker } from '../dev/bundle.ts'

/** A hash of a worker's code and WASM, the same in every folder: esbuild writes a comment with each module's path, which is left out. */
export async function fingerprint(main: string): Promise<string> {
  const hash = createHash('sha256')
  for (const { path, contents } of await bundleWorker(main, new Map())) {
    hash.update(path).update(typeof contents === 'string' ? contents.replaceAll(/^ *\/\/ \S+$/gm, '') : contents)
  }
  return hash.digest('hex').slice(0, 16)
}
