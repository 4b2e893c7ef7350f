import { bpeTokenizer, isBpe } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import type { TokenizerJson } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { TOKENIZER_FILE, writeTokenizerFile } from '../../shared/protocol/tokenizer-file.ts'
import { CliError } from '../errors.ts'
import { isJsonObject, readJson, readText } from '../source-folder.ts'
import type { SourceFolder } from '../source-folder.ts'

/** A whole file of the pack. */
export interface PackFile {
  readonly object: string
  readonly bytes: Uint8Array
}

/** What the gateway needs; null where the checkpoint has none. */
export interface TextFiles {
  readonly tokenizer: PackFile | null
  /** tokenizer.bin, where tokenizer.json is too large for the gateway to parse. */
  readonly tokenizerTables: PackFile | null
  readonly tokenizerConfig: PackFile | null
  readonly chatTemplate: PackFile | null
}

const TOKENIZER = 'tokenizer.json'
const TOKENIZER_CONFIG = 'tokenizer_config.json'
const CHAT_TEMPLATE = 'chat_template.jinja'

/** Reads tokenizer and chat template, checked to be what their names say, kept byte for byte. SPEC PK8. */
export async function readTextFiles(folder: SourceFolder, warn: (message: string) => void): Promise<TextFiles> {
  const tokenizer = await readObjectFile(folder, TOKENIZER, LIMITS.tokenizerBytesMax)
  const config = await readObjectFile(folder, TOKENIZER_CONFIG, LIMITS.tokenizerConfigBytesMax)
  const chatTemplate = (await templateFile(folder)) ?? inlineTemplate(config?.fields['chat_template'], warn)
  if (!tokenizer) warn(`the folder has no ${TOKENIZER}: the pack serves prompts of token ids only`)
  return {
    tokenizer: tokenizer?.file ?? null,
    tokenizerTables: tokenizer && tablesFile(tokenizer.fields, tokenizer.file.bytes.byteLength, warn),
    tokenizerConfig: (tokenizer && config?.file) ?? null,
    chatTemplate,
  }
}

/** Parsing a JSON of 28 MB takes more than an isolate has; of a byte-pair model the tables take 14 MB. SPEC TX9. */
function tablesFile(json: TokenizerJson, jsonBytes: number, warn: (message: string) => void): PackFile | null {
  if (jsonBytes <= LIMITS.tokenizerJsonReadBytesMax) return null
  if (!isBpe(json)) {
    warn(`${TOKENIZER} has ${jsonBytes} bytes and is no byte-pair model: the gateway parses it whole, which takes several times as much memory`)
    return null
  }
  try {
    return { object: TOKENIZER_FILE, bytes: writeTokenizerFile(bpeTokenizer(json, LIMITS.vocabMax)) }
  } catch (error) {
    throw new CliError('checkpoint-invalid', `${TOKENIZER}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function readObjectFile(
  folder: SourceFolder,
  object: string,
  bytesMax: number,
): Promise<{ readonly file: PackFile; readonly fields: Readonly<Record<string, unknown>> } | null> {
  const read = await readJson(folder, object, bytesMax)
  if (!read) return null
  const { value, bytes } = read
  if (!isJsonObject(value)) throw new CliError('checkpoint-invalid', `${object} is not a JSON object`)
  return { file: { object, bytes }, fields: value }
}

/** The template in its own file: newer checkpoints have it, and it wins over the inline one. */
async function templateFile(folder: SourceFolder): Promise<PackFile | null> {
  const read = await readText(folder, CHAT_TEMPLATE, LIMITS.chatTemplateBytesMax)
  return read && templateOf(read.bytes)
}

/** `chat_template` of tokenizer_config.json: a text, or named texts of which `default` is ours. */
function inlineTemplate(value: unknown, warn: (message: string) => void): PackFile | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return templateOf(new TextEncoder().encode(value))
  if (!Array.isArray(value)) throw new CliError('checkpoint-invalid', `chat_template in ${TOKENIZER_CONFIG} is neither a text nor a list`)
  const found = value.filter(isJsonObject).find((entry) => entry['name'] === 'default')?.['template']
  if (typeof found === 'string') return templateOf(new TextEncoder().encode(found))
  warn(`chat_template in ${TOKENIZER_CONFIG} is a list without "default": the pack has no chat template`)
  return null
}

function templateOf(bytes: Uint8Array): PackFile | null {
  if (bytes.byteLength > LIMITS.chatTemplateBytesMax)
    throw new CliError('checkpoint-invalid', `the chat template has ${bytes.byteLength} bytes, at most ${LIMITS.chatTemplateBytesMax} are allowed`)
  return bytes.byteLength > 0 ? { object: CHAT_TEMPLATE, bytes } : null
}
