import { Tokenizer } from '@huggingface/tokenizers'
import type { TokenizerJson } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import { readTokenizerFile } from '../../shared/protocol/tokenizer-file.ts'
import { createBpeCodec, createTextCodec } from '../../workers/gateway/model/text-codec.ts'

interface Env {
  readonly FILES: Fetcher
}

/** Loads a tokenizer as the gateway does: the object whole, its checksum, then the codec. `kept` is what an isolate keeps of it. */
let kept: { readonly encode: (text: string) => readonly number[] } | null = null

const loads: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => NonNullable<typeof kept>>> = {
  /** The library alone. */
  library: (bytes) => {
    const tokenizer = new Tokenizer(parse(bytes), { clean_up_tokenization_spaces: false })
    return { encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids }
  },
  json: (bytes) => {
    const codec = createTextCodec(parse(bytes), {})
    return { encode: (text) => codec.encode(text, false) }
  },
  tables: (bytes) => {
    const codec = createBpeCodec(readTokenizerFile(bytes), {})
    return { encode: (text) => codec.encode(text, false) }
  },
}

function parse(bytes: Uint8Array): TokenizerJson {
  return JSON.parse(new TextDecoder().decode(bytes)) as TokenizerJson
}

export default {
  async fetch(request, env) {
    const [, step = '', file = ''] = new URL(request.url).pathname.split('/')
    const load = loads[step]
    if (load) {
      const response = await env.FILES.fetch(`http://files/${file}`)
      const bytes = new Uint8Array(await response.arrayBuffer())
      await crypto.subtle.digest('SHA-256', bytes)
      kept = load(bytes)
      return Response.json(kept.encode('Hello world').length)
    }
    if (step === 'cache') for (let index = 0; index < 12_000; index++) kept?.encode(`${Math.imul(index, 2654435761).toString(36)} value${index}`)
    if (step === 'gc') {
      for (let turn = 0; turn < 3; turn++) {
        ;(globalThis as unknown as { gc(): void }).gc()
        await new Promise((done) => setTimeout(done, 20))
      }
    }
    return Response.json(0)
  },
} satisfies ExportedHandler<Env>
