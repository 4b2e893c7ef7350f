import { open, realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CliError } from './errors.ts'

/** Positional reads of one file. */
export interface ByteSource {
  readonly bytes: number
  /** Fills `into` from `position`; a file that ends before is refused. */
  read(into: Uint8Array, position: number): Promise<void>
  close(): Promise<void>
}

/** The files of one folder that somebody else filled: only plain files that really lie in it. SPEC PK6. */
export interface SourceFolder {
  has(file: string): Promise<boolean>
  open(file: string): Promise<ByteSource>
}

export async function openSourceFolder(path: string): Promise<SourceFolder> {
  const root = await realpath(path).catch(notThere)
  if (root === null || !(await stat(root)).isDirectory()) throw new CliError('checkpoint-invalid', `${path} is not a folder`)
  return {
    has: async (file) => (await resolveInside(root, file)) !== null,
    open: async (file) => {
      const real = await resolveInside(root, file)
      if (real === null) throw new CliError('checkpoint-invalid', `${file} is missing`)
      return openFile(real, file)
    },
  }
}

/** The whole of a small text file, or null where it does not exist. UTF-8 only, no BOM. */
export async function readText(folder: SourceFolder, file: string, bytesMax: number): Promise<{ readonly text: string; readonly bytes: Uint8Array } | null> {
  if (!(await folder.has(file))) return null
  const source = await folder.open(file)
  try {
    if (source.bytes > bytesMax) throw new CliError('checkpoint-invalid', `${file} has ${source.bytes} bytes, at most ${bytesMax} are allowed`)
    const bytes = new Uint8Array(source.bytes)
    await source.read(bytes, 0)
    return { text: decodeUtf8(bytes, file), bytes }
  } finally {
    await source.close()
  }
}

/** The same, parsed. */
export async function readJson(folder: SourceFolder, file: string, bytesMax: number): Promise<{ readonly value: unknown; readonly bytes: Uint8Array } | null> {
  const read = await readText(folder, file, bytesMax)
  return read && { value: parseJson(read.text, file), bytes: read.bytes }
}

export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CliError('checkpoint-invalid', `${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new CliError('checkpoint-invalid', `${file} is not UTF-8`)
  }
}

/**
 * The real path of a file of the folder, null where there is none. A name with a path in it, or a link that leaves the folder, is refused:
 * a checkpoint from the net must not make us read (and publish in a pack) other files of this machine.
 */
async function resolveInside(root: string, file: string): Promise<string | null> {
  if (!isPlainName(file)) throw new CliError('path-refused', `${JSON.stringify(file)} is not the plain name of a file`)
  const real = await realpath(join(root, file)).catch(notThere)
  if (real === null) return null
  if (dirname(real) !== root) throw new CliError('path-refused', `${file} is a link that leaves the folder: copy the file into it`)
  if (!(await stat(real)).isFile()) throw new CliError('path-refused', `${file} is not a regular file`)
  return real
}

function isPlainName(file: string): boolean {
  return file.length > 0 && file.length <= NAME_CHARS_MAX && file !== '.' && file !== '..' && !/[/\\\p{Cc}]/u.test(file)
}

/** The longest file name that common file systems have. */
const NAME_CHARS_MAX = 255

function notThere(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
  throw error
}

async function openFile(path: string, name: string): Promise<ByteSource> {
  const handle = await open(path, 'r')
  const { size } = await handle.stat()
  return {
    bytes: size,
    read: async (into, position) => {
      for (let done = 0; done < into.byteLength;) {
        const { bytesRead } = await handle.read(into, done, into.byteLength - done, position + done)
        if (bytesRead === 0) throw new CliError('checkpoint-invalid', `${name} is truncated: it ends at byte ${position + done}`)
        done += bytesRead
      }
    },
    close: () => handle.close(),
  }
}
