/** What is built once after an install and before each command: the kernels, xgrammar and the live page. Each skips what is up to date or is quick. */
await import('./build-wasm.mjs')
await import('./unpack-xgrammar.mjs')
await import('./build-page.mjs')
