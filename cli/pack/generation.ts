import { FieldFault, integer, number } from '../../shared/protocol/json-readers.ts'
import type { Reader } from '../../shared/protocol/json-readers.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { GenerationDefaults } from '../../shared/protocol/manifest.ts'
import { CliError } from '../errors.ts'
import { isJsonObject } from '../source-folder.ts'

const FILE = 'generation_config.json'

/** Sampling defaults of a checkpoint; `config` is the parsed file, null if there is none. `do_sample: false` is greedy: temperature 0. */
export function readGenerationDefaults(config: unknown): GenerationDefaults {
  if (config === null) return { temperature: null, topP: null, topK: null, minP: null }
  if (!isJsonObject(config)) throw new CliError('checkpoint-invalid', `${FILE} is not a JSON object`)
  return {
    temperature: config['do_sample'] === false ? 0 : readField(config, 'temperature', number(0, 100)),
    topP: readField(config, 'top_p', number(0, 1)),
    topK: readField(config, 'top_k', integer(0, LIMITS.vocabMax)),
    minP: readField(config, 'min_p', number(0, 1)),
  }
}

function readField<T>(fields: Readonly<Record<string, unknown>>, key: string, reader: Reader<T>): T | null {
  const value = fields[key]
  if (value === undefined || value === null) return null
  try {
    return reader(value, key)
  } catch (error) {
    if (error instanceof FieldFault) throw new CliError('checkpoint-invalid', `${FILE}: ${error.message}`)
    throw error
  }
}
