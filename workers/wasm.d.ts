declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}

/** Cut out of @mlc-ai/web-xgrammar by scripts/unpack-xgrammar.mjs. */
declare module '*/wasm/build/xgrammar.js' {
  const factory: import('./grammar/xgrammar.ts').XgrammarFactory
  export default factory
}
