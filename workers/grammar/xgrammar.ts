import type { GrammarText } from './grammar-text.ts'
import type { Vocabulary } from './vocabulary.ts'
import { createWellFormed } from './well-formed.ts'
import type { WellFormed } from './well-formed.ts'

/** An object of the C++ side: it lives until it is deleted. */
interface Handle {
  delete(): void
}

interface NativeList<T> extends Handle {
  push_back(value: T): void
}

interface NativeMatcher extends Handle {
  AcceptToken(id: number, verbose: boolean): boolean
  GetNextTokenBitmask(vocab: number): Handle
}

interface NativeCompiler extends Handle {
  CompileGrammar(grammar: Handle): Handle
  CompileStructuralTag(tag: string): Handle
}

/** What Emscripten's factory gives, as far as it is used here. */
export interface XgrammarInstance {
  VectorString: new () => NativeList<Uint8Array>
  vecIntFromJSArray(values: readonly number[]): Handle
  vecIntToView(values: Handle): Int32Array
  TokenizerInfo: new (vocabulary: Handle, type: 'RAW', size: number, stopTokens: Handle, prependSpace: boolean) => Handle
  GrammarCompiler: new (tokenizer: Handle, threads: number, caches: boolean) => NativeCompiler
  GrammarMatcher: new (grammar: Handle, stopTokens: undefined, endsWithoutStop: boolean, rollback: number) => NativeMatcher
  Grammar: { FromEBNF(text: string, root: string): Handle }
}

/** scripts/unpack-xgrammar.mjs cuts it out of the package. */
export type XgrammarFactory = (options: {
  print(line: string): void
  printErr(line: string): void
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): WebAssembly.Exports
}) => Promise<XgrammarInstance>

export interface XgrammarOptions {
  readonly factory: XgrammarFactory
  readonly module: WebAssembly.Module
  /** Its memory grows this far; past it, what asked for more fails. */
  readonly memoryBytesMax: number
}

/** A grammar, compiled for the vocabulary. */
export interface CompiledGrammar {
  /** A way through it, from its beginning. @param special ids of special tokens that may write their names on it. */
  match(special: readonly number[]): Matcher
  dispose(): void
}

/** One sequence's way through a grammar. */
export interface Matcher {
  /** Goes on with a token. False where it is not allowed: then nothing has changed. */
  accept(id: number): boolean
  /** Bit `id & 7` of byte `id >> 3`: the token may come next; none may behind a stop token. A copy, [⌈vocab / 32⌉ · 4]. */
  allowed(): Uint8Array<ArrayBuffer>
  dispose(): void
}

/** One instance of xgrammar with one vocabulary. */
export interface Xgrammar {
  compile(text: GrammarText): CompiledGrammar
  memoryBytes(): number
}

/**
 * Makes an instance. Whatever throws in it (a trap, memory at its bound, an assertion of the C++ side, which is built without a way to unwind)
 * leaves it in an unknown state: take another one. Freed memory stays the instance's own.
 * @param vocabulary what tokens write; those that write nothing are never allowed, special ones where a match names them.
 * @param stopTokens allowed where the grammar may end, and nothing else is where it must.
 */
export async function createXgrammar(options: XgrammarOptions, vocabulary: Vocabulary, stopTokens: readonly number[]): Promise<Xgrammar> {
  let memory: WebAssembly.Memory | null = null
  const native = await options.factory({
    print: () => undefined,
    printErr: () => undefined, // what it says stands in the error it throws, and may hold parts of a schema
    instantiateWasm(imports, done) {
      const instance = new WebAssembly.Instance(options.module, imports)
      memory = boundedMemory(instance, options.memoryBytesMax)
      done(instance)
      return instance.exports
    },
  })
  const wellFormed = createWellFormed(vocabulary)
  const markable = vocabulary.special.filter((id) => !stopTokens.includes(id))
  const compiler = new native.GrammarCompiler(tokenizerInfo(native, wellFormed.vocabulary, stopTokens), 1, false)
  return {
    compile: ({ language, text }) =>
      compiledGrammar(native, language === 'tag' ? compiler.CompileStructuralTag(text) : compileEbnf(native, compiler, text), wellFormed, {
        markable,
        stopTokens,
      }),
    memoryBytes: () => memory!.buffer.byteLength,
  }
}

/** The factory finds the instance's memory among its exports and grows it by this method; a refusal is an allocation that fails. */
function boundedMemory({ exports }: WebAssembly.Instance, bytesMax: number): WebAssembly.Memory {
  const memory = Object.values(exports).find((value) => value instanceof WebAssembly.Memory)
  if (memory === undefined) throw new Error('xgrammar exports no memory')
  const grow = memory.grow.bind(memory)
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + pages * 65536 > bytesMax) throw new RangeError('xgrammar is at its memory bound')
    return grow(pages)
  }
  return memory
}

function tokenizerInfo(native: XgrammarInstance, vocabulary: Vocabulary, stopTokens: readonly number[]): Handle {
  const tokens = new native.VectorString()
  for (let id = 0; id < vocabulary.size; id++) tokens.push_back(vocabulary.bytes(id))
  const stops = native.vecIntFromJSArray(stopTokens)
  const info = new native.TokenizerInfo(tokens, 'RAW', vocabulary.size, stops, false)
  tokens.delete()
  stops.delete()
  return info
}

function compileEbnf(native: XgrammarInstance, compiler: NativeCompiler, text: string): Handle {
  const grammar = native.Grammar.FromEBNF(text, 'root')
  const compiled = compiler.CompileGrammar(grammar)
  grammar.delete()
  return compiled
}

/** Tokens that write nothing by themselves. */
interface SilentTokens {
  /** Special tokens that end nothing. */
  readonly markable: readonly number[]
  readonly stopTokens: readonly number[]
}

function compiledGrammar(native: XgrammarInstance, compiled: Handle, wellFormed: WellFormed, { markable, stopTokens }: SilentTokens): CompiledGrammar {
  return {
    match(special) {
      const hidden = new Set(markable.filter((id) => !special.includes(id)))
      const matcher = new native.GrammarMatcher(compiled, undefined, false, -1)
      let last = 0
      let isOver = false
      return {
        accept(id) {
          const isAccepted = !isOver && !hidden.has(id) && matcher.AcceptToken(id, false)
          if (isAccepted) last = wellFormed.after(id)
          isOver ||= isAccepted && stopTokens.includes(id)
          return isAccepted
        },
        allowed() {
          if (isOver) return new Uint8Array(Math.ceil(wellFormed.vocabulary.size / 32) * 4) // asked now, xgrammar would end its whole instance
          const words = matcher.GetNextTokenBitmask(wellFormed.vocabulary.size)
          const copy = new Uint8Array(new Int32Array(native.vecIntToView(words)).buffer) // little-endian, as WASM is
          words.delete()
          wellFormed.narrow(copy, last)
          for (const id of hidden) copy[id >> 3]! &= ~(1 << (id & 7))
          return copy
        },
        dispose: () => matcher.delete(),
      }
    },
    dispose: () => compiled.delete(),
  }
}
