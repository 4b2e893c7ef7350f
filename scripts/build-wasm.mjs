/**
 * Builds the kernels: wasm/assembly/*.ts → wasm/build/kernels.{vnni,relaxed,i16,plain}.wasm. One source, four builds: three forms of the
 * dots for different CPUs, and one for a runtime without relaxed SIMD, which refuses a whole module for one unknown instruction
 * (docs/design/kernels.md).
 * Skips when nothing changed since the last build; --force builds anyway.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import asc, { version } from 'assemblyscript/asc'
import { FLAGS, RELAXED_FLAGS } from './wasm-flags.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const assembly = 'wasm/assembly'
const build = `${root}wasm/build`
/** Each is an entry: its exported functions are the module's. Files in assembly/inline are only imported. */
const entries = (await readdir(root + assembly)).filter((name) => name.endsWith('.ts')).map((name) => `${assembly}/${name}`)
const sources = [...entries, ...(await readdir(`${root}${assembly}/inline`)).map((name) => `${assembly}/inline/${name}`), 'shared/core/records.ts'].toSorted()

/** DOT chooses a form of the dots in wasm/assembly/inline/dot.ts. */
const VARIANTS = {
  vnni: [...RELAXED_FLAGS, '--use', 'DOT=0'],
  relaxed: [...RELAXED_FLAGS, '--use', 'DOT=1'],
  i16: [...RELAXED_FLAGS, '--use', 'DOT=2'],
  plain: [...FLAGS, '--use', 'DOT=3'],
}

const stamp = await sourceHash()
if (!process.argv.includes('--force') && (await isFresh())) {
  console.log('kernels are up to date')
} else {
  await mkdir(build, { recursive: true })
  for (const [variant, flags] of Object.entries(VARIANTS)) await compile(variant, flags)
  await writeFile(`${build}/kernels.sha256`, stamp)
}

/** Content, not times: a checkout or an install changes times at will. */
async function sourceHash() {
  const hash = createHash('sha256').update(JSON.stringify([version, VARIANTS]))
  for (const name of sources) hash.update(`\0${name}\0`).update(await readFile(root + name))
  return hash.digest('hex')
}

async function isFresh() {
  const names = ['kernels.sha256', ...Object.keys(VARIANTS).map(fileName)]
  return names.every((name) => existsSync(`${build}/${name}`)) && (await readFile(`${build}/kernels.sha256`, 'utf8')) === stamp
}

async function compile(variant, flags) {
  const { error, stderr } = await asc.main([...entries, ...flags, '--baseDir', root, '--outFile', `wasm/build/${fileName(variant)}`])
  const messages = stderr.toString()
  if (messages) process.stderr.write(messages)
  if (error) {
    console.error(`kernels (${variant}) did not compile: ${error.message}`)
    process.exit(1)
  }
  console.log(`wasm/build/${fileName(variant)}`)
}

function fileName(variant) {
  return `kernels.${variant}.wasm`
}
