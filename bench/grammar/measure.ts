/**
 * What constrained decoding costs: `node bench/grammar/measure.ts [tokenizer.json …]`. For the demo's vocabulary and each that is named: memory, start,
 * compiling and masks; then one constrained stream, alone and beside eight free ones, in one process (so on one thread: the worst place for it).
 */
import { readFileSync } from 'node:fs'
import type { TokenizerJson } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import type { GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import { LIMITS, MIB } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import { createCluster, greedyRequest, must } from '../../test/cluster/cluster.ts'
import { loadXgrammar } from '../../test/fixtures/load-xgrammar.ts'
import type { GrammarOpener } from '../../workers/engine/grammar-guide.ts'
import { createGrammarService } from '../../workers/grammar/grammar-service.ts'
import { grammarText } from '../../workers/grammar/grammar-text.ts'
import { jsonEntries, vocabularyOf } from '../../workers/grammar/vocabulary.ts'
import type { Vocabulary } from '../../workers/grammar/vocabulary.ts'
import { createXgrammar } from '../../workers/grammar/xgrammar.ts'
import type { Matcher } from '../../workers/grammar/xgrammar.ts'

const DEMO = new URL('../../models/demo/', import.meta.url).pathname
const EOS = 2
const schema = (value: unknown): GrammarSpec => ({ kind: 'json-schema', schema: JSON.stringify(value) })
const person = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { type: 'string' } },
    kind: { enum: ['a', 'b', 'cd'] },
  },
  required: ['name', 'age', 'tags', 'kind'],
}
const GRAMMARS: Readonly<Record<string, GrammarSpec>> = {
  'any object': { kind: 'json-object' },
  'person, 4 properties': schema(person),
  '64 optional properties': schema(named(LIMITS.schemaOptionalMax, false)),
  '1,000 required ones': schema(named(1000, true)),
  'enum of 1,000': schema({ enum: Array.from({ length: 1000 }, (_, i) => `value ${(i * 7919) % 100003}`) }),
  'maxLength 100': schema({ type: 'string', maxLength: 100 }),
  [`maxLength ${LIMITS.schemaStringLengthMax}`]: schema({ type: 'string', maxLength: LIMITS.schemaStringLengthMax }),
  [`minItems ${LIMITS.schemaRepeatsMax}`]: schema({ type: 'array', items: { type: 'string' }, minItems: LIMITS.schemaRepeatsMax }),
  'pattern [^x]{0,100}': schema({ type: 'string', pattern: '^[^x]{0,100}$' }),
  'pattern .{0,1024}': schema({ type: 'string', pattern: '^.{0,1024}$' }),
  'format uri': schema({ type: 'string', format: 'uri' }),
}

function named(count: number, required: boolean) {
  const names = Array.from({ length: count }, (_, i) => `property${i}`)
  return { type: 'object', properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])), required: required ? names : [] }
}

for (const path of [`${DEMO}tokenizer.json`, ...process.argv.slice(2)]) await measureVocabulary(path)
await measureStreams()

async function measureVocabulary(path: string): Promise<void> {
  const vocabulary = read(path)
  const options = await loadXgrammar(LIMITS.grammarMemoryBytes)
  const beganMs = performance.now()
  const started = await createXgrammar(options, vocabulary, [EOS])
  console.log(`\n${path}: ${vocabulary.size} ids; instance ${ms(performance.now() - beganMs)}, WASM ${mib(started.memoryBytes())}`)
  for (const [name, spec] of Object.entries(GRAMMARS)) {
    const text = must(grammarText(spec))
    const xgrammar = await createXgrammar(options, vocabulary, [EOS])
    try {
      const compileMs = performance.now()
      const grammar = xgrammar.compile(text)
      const compiledMs = performance.now() - compileMs
      const masks = walk(grammar.match([]), vocabulary)
      console.log(
        `  ${name.padEnd(24)} grammar ${String(text.text.length).padStart(6)} chars, compile ${ms(compiledMs)}, mask and accept ${ms(masks.medianMs)} (p99 ${ms(masks.p99Ms)}), WASM ${mib(xgrammar.memoryBytes())}`,
      )
    } catch (error) {
      console.log(`  ${name.padEnd(24)} fails: ${String(error).slice(0, 60)}`)
    }
  }
}

/** Through the grammar by any way; the same one each time. */
function walk(matcher: Matcher, vocabulary: Vocabulary) {
  const times: number[] = []
  let state = 1
  for (let step = 0; step < 100; step++) {
    const beganMs = performance.now()
    const mask = matcher.allowed()
    const maskMs = performance.now() - beganMs
    const ids: number[] = []
    for (let id = 0; id < vocabulary.size; id++) if ((mask[id >> 3]! >> (id & 7)) & 1 && id !== EOS) ids.push(id)
    if (ids.length === 0) break
    state = (state * 48271) % 0x7fffffff
    const acceptMs = performance.now()
    matcher.accept(ids[state % ids.length]!)
    times.push(maskMs + performance.now() - acceptMs)
  }
  times.sort((a, b) => a - b)
  return { medianMs: times[times.length >> 1]!, p99Ms: times[Math.floor(times.length * 0.99)]! }
}

async function measureStreams(): Promise<void> {
  const vocabulary = read(`${DEMO}tokenizer.json`)
  const options = await loadXgrammar(LIMITS.grammarMemoryBytes)
  const service = createGrammarService({
    create: () => createXgrammar(options, vocabulary, [EOS]),
    vocab: vocabulary.size,
    nowMs: Date.now,
    onFault: console.error,
  })
  const grammar: GrammarOpener = async (spec, tokens) => {
    const opened = await service.open(spec, tokens)
    if (!opened.ok) return opened
    const { session, mask } = opened.value
    return ok({ mask, accept: async (id) => session.accept(id), close: session.close })
  }
  const { core } = await createCluster({ pack: DEMO, tier: 'q8', hosts: 1, lanes: 4, grammar })
  const prompt = Array.from({ length: 32 }, (_, i) => 4 + ((i * 37) % 6000))
  const sampling = { temperature: 0.8, topK: 0, topP: 1, minP: 0, seed: 7 }
  const free = (i: number): GenerateRequest => greedyRequest([prompt.with(0, 9 + i)], { maxTokens: 150, sampling })
  const constrained: GenerateRequest = { ...free(50), stopTokens: [EOS], grammar: schema({ type: 'array', items: { type: 'string' }, minItems: 500 }) }
  const unconstrained: GenerateRequest = { ...constrained, grammar: null, stopTokens: [] }
  const run = (requests: readonly GenerateRequest[]) => Promise.all(requests.map((request) => rate(request)))
  const eight = () => Array.from({ length: 8 }, (_, i) => free(i))
  const rows = { alone: [] as number[][], aloneFree: [] as number[][], beside: [] as number[][], besideFree: [] as number[][] }
  for (let round = 0; round < 6; round++) {
    rows.alone.push(await run([constrained]))
    rows.aloneFree.push(await run([unconstrained]))
    rows.beside.push(await run([constrained, ...eight()]))
    rows.besideFree.push(await run([unconstrained, ...eight()]))
  }
  const of = (rounds: number[][], from: number, to: number) => median(rounds.slice(1).map((rates) => median(rates.slice(from, to))))
  const [alone, aloneFree] = [of(rows.alone, 0, 1), of(rows.aloneFree, 0, 1)]
  console.log(`\none stream: constrained ${alone.toFixed(1)} tokens/s, the same without ${aloneFree.toFixed(1)}: ${(alone / aloneFree).toFixed(3)}`)
  const [others, othersFree] = [of(rows.beside, 1, 9), of(rows.besideFree, 1, 9)]
  console.log(
    `eight free streams beside it: ${others.toFixed(1)} tokens/s each, beside one more free stream ${othersFree.toFixed(1)}: ${(others / othersFree).toFixed(3)}`,
  )
  const [ninth, ninthFree] = [of(rows.beside, 0, 1), of(rows.besideFree, 0, 1)]
  console.log(`the ninth stream: constrained ${ninth.toFixed(1)}, free ${ninthFree.toFixed(1)}: ${(ninth / ninthFree).toFixed(3)}`)

  /** Tokens a second of one answer, prompt included. */
  function rate(request: GenerateRequest): Promise<number> {
    const beganMs = performance.now()
    return new Promise((resolve, reject) => {
      let tokens = 0
      const emit = (event: GenerateEvent): void => {
        if (event.type === 'error') reject(new Error(event.error.message))
        if (event.type === 'token') tokens++
      }
      must(core.generate({ ...request, requestId: crypto.randomUUID() }, { emit, end: () => resolve((tokens * 1000) / (performance.now() - beganMs)) }))
    })
  }
}

function read(path: string): Vocabulary {
  const json = JSON.parse(readFileSync(path, 'utf8')) as TokenizerJson
  const ids = [...jsonEntries(json), ...(json.added_tokens ?? []).map(({ id }) => [id] as const)].reduce((most, [id]) => Math.max(most, id), 0)
  return must(vocabularyOf(json, jsonEntries(json), ids + 1))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}
