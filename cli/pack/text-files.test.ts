import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { readTokenizerFile } from '../../shared/protocol/tokenizer-file.ts'
import { memoryFolder } from '../testing/safetensors-file.ts'
import { readGenerationDefaults } from './generation.ts'
import { readTextFiles } from './text-files.ts'

async function read(files: Readonly<Record<string, string>>) {
  const warnings: string[] = []
  const bytes = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]))
  const { chatTemplate, ...rest } = await readTextFiles(memoryFolder(bytes), (message) => warnings.push(message))
  return { ...rest, template: chatTemplate && new TextDecoder().decode(chatTemplate.bytes), warnings }
}

const tokenizer = { 'tokenizer.json': '{"model":{}}' }
const withTemplate = (template: unknown) => ({ ...tokenizer, 'tokenizer_config.json': JSON.stringify({ chat_template: template }) })

describe('the chat template', () => {
  it('[PK8] of its own file wins over the inline one', async () => {
    expect((await read({ ...withTemplate('inline'), 'chat_template.jinja': 'file' })).template).toBe('file')
  })

  it('[PK8] is the inline one, or the one that a list calls default', async () => {
    expect((await read(withTemplate('inline'))).template).toBe('inline')
    const named = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: 'plain' },
    ]
    expect((await read(withTemplate(named))).template).toBe('plain')
  })

  it('[PK8] is absent where nothing says it, and a list without default is a warning', async () => {
    expect((await read(tokenizer)).template).toBeNull()
    const without = await read(withTemplate([null, { name: 'tool_use', template: 'tools' }]))
    expect(without.template).toBeNull()
    expect(without.warnings).toEqual([expect.stringContaining('"default"')])
  })

  it('[PK7] beyond the limit, or of another type, is refused', async () => {
    await expect(read(withTemplate('x'.repeat(LIMITS.chatTemplateBytesMax + 1)))).rejects.toThrow('at most')
    await expect(read({ ...tokenizer, 'chat_template.jinja': 'x'.repeat(LIMITS.chatTemplateBytesMax + 1) })).rejects.toThrow('at most')
    await expect(read(withTemplate(7))).rejects.toThrow('neither a text nor a list')
  })
})

it('[PK7] a tokenizer that is no JSON object, or no UTF-8, is refused by name', async () => {
  await expect(read({ 'tokenizer.json': '{' })).rejects.toThrow('tokenizer.json is not JSON')
  await expect(read({ 'tokenizer.json': '[]' })).rejects.toThrow('tokenizer.json is not a JSON object')
  await expect(readTextFiles(memoryFolder({ 'tokenizer.json': Uint8Array.of(0x22, 0xff, 0x22) }), () => undefined)).rejects.toThrow(
    'tokenizer.json is not UTF-8',
  )
})

describe('a tokenizer that the gateway cannot parse in its memory', () => {
  const padded = (model: object) => ({ 'tokenizer.json': JSON.stringify({ model, padding: 'x'.repeat(LIMITS.tokenizerJsonReadBytesMax) }) })

  it('[TX9] is packed as tables too, and the JSON is kept', async () => {
    const { tokenizer: json, tokenizerTables, warnings } = await read(padded({ type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] }))
    expect(json?.object).toBe('tokenizer.json')
    expect(tokenizerTables?.object).toBe('tokenizer.bin')
    const { vocabulary, merges } = readTokenizerFile(new Uint8Array(tokenizerTables!.bytes))
    expect([vocabulary.idOf('ab'), merges.rankOf(0, 1)]).toEqual([2, 0])
    expect(warnings).toEqual([])
  })

  it('[TX9] has no tables where it is small enough', async () => {
    expect((await read({ 'tokenizer.json': '{"model": {"type": "BPE", "vocab": {}, "merges": []}}' })).tokenizerTables).toBeNull()
  })

  it('[TX9] is a warning where it is no byte-pair model, and refused by name where it is a broken one', async () => {
    const other = await read(padded({ type: 'Unigram', vocab: [['a', 0]] }))
    expect(other.tokenizerTables).toBeNull()
    expect(other.warnings).toEqual([expect.stringContaining('no byte-pair model')])
    await expect(read(padded({ type: 'BPE', vocab: { a: 0 }, merges: ['a b'] }))).rejects.toThrow('tokenizer.json: model.merges[0]')
  })
})

describe('generation_config.json', () => {
  function read(config: unknown) {
    const warnings: string[] = []
    return { defaults: readGenerationDefaults(config, (message) => warnings.push(message)), warnings }
  }

  it('[PK5] gives the sampling defaults, null where it says nothing', () => {
    expect(read({ do_sample: true, temperature: 0.7, top_p: 0.9, top_k: 50, min_p: null, repetition_penalty: 1 }).defaults).toEqual({
      temperature: 0.7,
      topP: 0.9,
      topK: 50,
      minP: null,
    })
    expect(read(null).defaults).toEqual({ temperature: null, topP: null, topK: null, minP: null })
  })

  it('[PK5] with do_sample false is greedy, whatever the temperature', () => {
    expect(read({ do_sample: false, temperature: 0.7 }).defaults.temperature).toBe(0)
  })

  it('[PK5] with a default that is not served is a warning', () => {
    const { defaults, warnings } = read({ temperature: 0.7, repetition_penalty: 1.05, typical_p: 1, no_repeat_ngram_size: [[]] })
    expect(defaults).toMatchObject({ temperature: 0.7, repetitionPenalty: 1.05 })
    expect(warnings).toEqual(['generation_config.json sets no_repeat_ngram_size to a list: it is not supported, and answers will differ'])
    expect(read({ repetition_penalty: 1, typical_p: null }).warnings).toEqual([])
  })

  it('[PK5] with a value out of range is refused by name', () => {
    expect(() => read({ temperature: -1 })).toThrow('generation_config.json: temperature')
    expect(() => read({ repetition_penalty: 0 })).toThrow('generation_config.json: repetition_penalty')
    expect(() => read({ top_k: 1.5 })).toThrow('generation_config.json: top_k')
    expect(() => read([])).toThrow('not a JSON object')
  })
})
