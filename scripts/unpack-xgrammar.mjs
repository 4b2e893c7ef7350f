/**
 * Unpacks xgrammar from the installed @mlc-ai/web-xgrammar: wasm/build/xgrammar.wasm and xgrammar.js. As published, the package carries its WASM as
 * base64 and compiles it at run time, which workerd refuses; and its wrapper keeps one instance for ever, also one that has trapped. So the
 * module becomes a file of its own, for a static import, and of the script only Emscripten's factory is taken: `factory({instantiateWasm})`
 * makes an instance. Nothing is edited by hand: another input than the one these cuts were made for is refused.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const PACKAGE = 'node_modules/@mlc-ai/web-xgrammar'
const VERSION = '0.1.27'
const SHA256 = '803713906fb3e53483ab03f33244a64d8ed818820be9abe520e615754bfd3e24'
/**
 * `i32.const 1200001; i32.ge_s; if`: where MergeEquivalentSuccessors asks whether an automaton is too large for it (100,000 states of 12 bytes) and
 * leaves it as it is. It merges states that differ (github.com/mlc-ai/xgrammar/pull/632, in none of the npm releases): a grammar of many texts
 * that begin alike then takes others. With 0 for the constant it never merges; the minimisation behind it is sound.
 */
const MERGE_BOUND = Buffer.from('41819fc9004e0440', 'hex')
const MERGE_NEVER = Buffer.from('41808080004e0440', 'hex')
const IS_NODE = 'ENVIRONMENT_IS_NODE=typeof process=="object"&&typeof process.versions=="object"&&typeof process.versions.node=="string"'
const DATA_URI = 'data:application/octet-stream;base64,'

const root = fileURLToPath(new URL('..', import.meta.url))
const build = `${root}wasm/build`

await unpack()

async function unpack() {
  const { version } = JSON.parse(await readFile(`${root}${PACKAGE}/package.json`, 'utf8'))
  const source = await readFile(`${root}${PACKAGE}/lib/index.js`, 'utf8')
  const sha256 = createHash('sha256').update(source).digest('hex')
  if (version !== VERSION || sha256 !== SHA256)
    throw new Error(`${PACKAGE} is ${version} with sha256 ${sha256}; these cuts were made for ${VERSION} with ${SHA256}`)
  const { script, wasm } = cut(source)
  const stamp = createHash('sha256').update(script).update(wasm).digest('hex')
  if (await isFresh(stamp)) return console.log('xgrammar is up to date')
  await mkdir(build, { recursive: true })
  await writeFile(`${build}/xgrammar.wasm`, wasm)
  await writeFile(`${build}/xgrammar.js`, script)
  await writeFile(`${build}/xgrammar.sha256`, stamp)
  console.log('wasm/build/xgrammar.wasm')
}

function cut(source) {
  const base64 = between(source, `wasmBinaryFile="${DATA_URI}`, '"')
  const factory = between(source, 'async function(moduleArg = {}) {', '\n    return moduleArg.ready')
  // With Node's modules at hand it would read files through them; it has nothing to read, and a bundler for workers does not find them.
  const nodeBranch = `if(ENVIRONMENT_IS_NODE){const{${between(factory, 'if(ENVIRONMENT_IS_NODE){const{', 'else if(ENVIRONMENT_IS_WEB||ENVIRONMENT_IS_WORKER){')}else `
  const script = [
    "// Emscripten's factory of @mlc-ai/web-xgrammar (Apache-2.0), cut out by scripts/unpack-xgrammar.mjs.",
    'const _scriptDir = ""', // the script looks for its folder, to find the WASM there
    'const _documentCurrentScript = null',
    'export default async function (moduleArg) {',
    [
      [base64, ''],
      [nodeBranch, ''],
      [IS_NODE, 'ENVIRONMENT_IS_NODE=false'],
    ].reduce((text, [part, by]) => replaceOnce(text, part, by), factory),
    '    return moduleArg.ready',
    '}',
    '',
  ].join('\n')
  return { script, wasm: withoutMerging(Buffer.from(base64, 'base64')) }
}

function withoutMerging(wasm) {
  const at = wasm.indexOf(MERGE_BOUND)
  if (at < 0 || wasm.indexOf(MERGE_BOUND, at + 1) >= 0) throw new Error('the bound of MergeEquivalentSuccessors is not there once')
  MERGE_NEVER.copy(wasm, at)
  return wasm
}

async function isFresh(stamp) {
  const names = ['xgrammar.wasm', 'xgrammar.js', 'xgrammar.sha256'].map((name) => `${build}/${name}`)
  return names.every((name) => existsSync(name)) && (await readFile(names[2], 'utf8')) === stamp
}

function between(text, before, after) {
  const from = text.indexOf(before)
  const to = text.indexOf(after, from + before.length)
  if (from < 0 || to < 0) throw new Error(`no '${before}'`)
  return text.slice(from + before.length, to)
}

function replaceOnce(text, part, by) {
  const from = text.indexOf(part)
  if (from < 0 || text.includes(part, from + 1)) throw new Error(`'${part.slice(0, 80)}' is not there once`)
  return text.slice(0, from) + by + text.slice(from + part.length)
}
