import { FieldFault, integer, number } from '../../shared/protocol/json-readers.ts'
import type { Reader } from '../../shared/protocol/json-readers.ts'
import { ADJUSTMENT_BOUNDS } from '../../shared/protocol/engine-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { GenerationDefaults } from '../../shared/protocol/manifest.ts'
import { shown } from '../../shared/core/families/config-fields.ts'
import { CliError } from '../errors.ts'
import { isJsonObject } from '../source-folder.ts'

const PENALTY = ADJUSTMENT_BOUNDS.repetitionPenalty
const FILE = 'generation_config.json'
/** What would change each token and is not served, with the values that ask for nothing. */
const UNSERVED = { no_repeat_ngram_size: 0, typical_p: 1 } as const

/**
 * Sampling defaults of a checkpoint. `do_sample: false` is greedy: temperature 0. A default that cannot be served is a warning, as the model
 * was made to be sampled with it.
 * @param config the parsed file, null if there is none.
 */
export function readGenerationDefaults(config: unknown, warn: (message: string) => void): GenerationDefaults {
  if (config === null) return { temperature: null, topP: null, topK: null, minP: null }
  if (!isJsonObject(config)) throw new CliError('checkpoint-invalid', `${FILE} is not a JSON object`)
  for (const [key, neutral] of Object.entries(UNSERVED)) {
    const value = config[key] ?? neutral
    if (value !== neutral) warn(`${FILE} sets ${key} to ${shown(value)}: it is not supported, and answers will differ`)
  }
  const repetitionPenalty = readField(config, 'repetition_penalty', number(PENALTY.min, PENALTY.max)) ?? 1
  return {
    temperature: config['do_sample'] === false ? 0 : readField(config, 'temperature', number(0, 100)),
    topP: readField(config, 'top_p', number(0, 1)),
    topK: readField(config, 'top_k', integer(0, LIMITS.vocabMax)),
    minP: readField(config, 'min_p', number(0, 1)),
    ...(repetitionPenalty !== 1 && { repetitionPenalty }),
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
