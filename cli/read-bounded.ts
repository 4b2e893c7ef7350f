import { readFile, stat } from 'node:fs/promises'
import { CliError } from './errors.ts'

/** A file that is not larger than `bytesMax`. Nothing but files: a device or a pipe has no size that could be checked before. */
export async function readBounded(path: string, bytesMax: number): Promise<Buffer> {
  const status = await stat(path)
  if (!status.isFile()) throw new CliError('path-refused', `${path} is not a file`)
  if (status.size > bytesMax) throw new CliError('file-too-large', `${path} has ${status.size} bytes, at most ${bytesMax} are read`)
  return readFile(path)
}
