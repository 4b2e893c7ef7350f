/** What is built once after an install and before each command: the kernels and the live page. Each skips what is up to date or is quick. */
await import('./build-wasm.mjs')
await import('./build-page.mjs')
