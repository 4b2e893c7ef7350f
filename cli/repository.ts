import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder: workers, their configs and the demo pack are below it. */
export const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '..')
