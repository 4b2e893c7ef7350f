/**
 * Stands between the engine's or a host's code and its kernels. Import it before anything that instantiates kernels. While it records, it
 * notes every call with its arguments; these can be made again in the same memory, or left out, to see what remains of a step without them.
 */
export type TapMode = 'run' | 'record' | 'skip'

export interface KernelCall {
  readonly name: string
  readonly kernel: (...args: number[]) => number
  readonly args: readonly number[]
}

let mode: TapMode = 'run'
let calls: KernelCall[] = []

export function setTap(next: TapMode): void {
  mode = next
}

/** What was recorded since the last call of this. */
export function takeCalls(): KernelCall[] {
  const taken = calls
  calls = []
  return taken
}

/** Makes the calls again that `only` accepts, in their order, `repeats` times. Milliseconds a repeat, the clock's millisecond divided by them. */
export function replay(recorded: readonly KernelCall[], only: (name: string) => boolean, repeats: number): number {
  const chosen = recorded.filter(({ name }) => only(name))
  const startMs = performance.now()
  for (let i = 0; i < repeats; i++) {
    for (const { kernel, args } of chosen) kernel(...args)
  }
  return (performance.now() - startMs) / repeats
}

function tapped(name: string, kernel: KernelCall['kernel']): KernelCall['kernel'] {
  return (...args) => {
    if (mode === 'skip') return 0
    if (mode === 'record') calls.push({ name, kernel, args })
    return kernel(...args)
  }
}

const { Instance } = WebAssembly

/** As WebAssembly.Instance, with every exported function tapped. */
class TappedInstance {
  readonly exports: Record<string, unknown>

  constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
    const { exports } = new Instance(module, imports)
    this.exports = Object.fromEntries(
      Object.entries(exports).map(([name, value]) => [name, typeof value === 'function' ? tapped(name, value as KernelCall['kernel']) : value]),
    )
  }
}

Object.assign(WebAssembly, { Instance: TappedInstance })
