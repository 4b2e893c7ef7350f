import { readFileSync } from 'node:fs'
import type { ModelInfo } from '../../shared/protocol/engine-api.ts'
import { ChatTemplate } from '../../workers/gateway/model/chat-template.ts'
import type { LoadedModel } from '../../workers/gateway/model/loaded-model.ts'
import { createTextCodec } from '../../workers/gateway/model/text-codec.ts'
import type { TextCodec } from '../../workers/gateway/model/text-codec.ts'

const FOLDER = new URL('../fixtures/demo-tokenizer/', import.meta.url)

export function readDemoFile(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8')
}

let codec: TextCodec | null = null

/** The tokenizer of the demo model: byte-level BPE, 6,144 entries. */
export function demoCodec(): TextCodec {
  codec ??= createTextCodec(JSON.parse(readDemoFile('tokenizer.json')), JSON.parse(readDemoFile('tokenizer_config.json')))
  return codec
}

/** The demo model as the gateway knows it. */
export function demoModel(): LoadedModel {
  return {
    name: 'isomoe-demo',
    digest: '0123456789abcdef'.repeat(4),
    tier: 'q8',
    trunk: 'q8',
    vocab: 6144,
    contextTokens: 1024,
    eos: [2, 0],
    generation: { temperature: 0.7, topP: 0.9, topK: null, minP: null },
    codec: demoCodec(),
    template: new ChatTemplate(readDemoFile('chat_template.jinja'), { eos_token: '<|im_end|>' }),
  }
}

/** The same as an engine reports it. */
export function infoOf({ name, digest, tier, trunk, contextTokens, vocab }: LoadedModel): ModelInfo {
  return { model: name, digest, tier, trunk, contextTokens, vocab }
}
