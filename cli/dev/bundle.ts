import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { build } from 'esbuild'
import type { Plugin } from 'esbuild'

/** A script as workerd takes it: one ES module, and the WASM modules that it imports. */
export type ScriptModule =
  | { readonly type: 'ESModule'; readonly path: string; readonly contents: string }
  | { readonly type: 'CompiledWasm'; readonly path: string; readonly contents: Uint8Array<ArrayBuffer> }

/** Bundles one worker. WASM stays a module of its own: workerd compiles static imports only. `wasmAlias` maps a WASM file's name to another file. */
export async function bundleWorker(main: string, wasmAlias: ReadonlyMap<string, string>): Promise<ScriptModule[]> {
  const wasmFiles = new Map<string, string>()
  const collectWasm: Plugin = {
    name: 'collect-wasm',
    setup(builder) {
      builder.onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
        const name = basename(path)
        wasmFiles.set(name, wasmAlias.get(name) ?? resolve(resolveDir, path))
        return { path: `./${name}`, external: true }
      })
    },
  }
  const result = await build({
    entryPoints: [main],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    logLevel: 'silent', // errors are thrown
    plugins: [collectWasm],
  })
  const wasm = Array.from(wasmFiles, async ([path, file]): Promise<ScriptModule> => ({
    type: 'CompiledWasm',
    path,
    contents: new Uint8Array(await readFile(file)),
  }))
  return [{ type: 'ESModule', path: 'index.mjs', contents: result.outputFiles[0]!.text }, ...(await Promise.all(wasm))]
}
