import { CliError, printable } from '../errors.ts'
import { isJsonObject } from '../source-folder.ts'
import type { TensorInfo } from './header.ts'
import { TENSORS_MAX } from './header.ts'

/** Every shard stays open: below the usual limit of open files (1,024). The largest checkpoint we know has 163. */
const SHARDS_MAX = 512

/** weight_map of model.safetensors.index.json: tensor name → file name. */
export type WeightMap = ReadonlyMap<string, string>

/** Whether a file name is a plain one is checked where it is opened (SourceFolder). SPEC PK6. */
export function parseWeightMap(index: unknown, file: string): WeightMap {
  const weightMap = isJsonObject(index) ? index['weight_map'] : undefined
  if (!isJsonObject(weightMap)) throw new CliError('checkpoint-invalid', `${file} has no weight_map`)
  const entries = Object.entries(weightMap)
  if (entries.length > TENSORS_MAX) throw new CliError('checkpoint-invalid', `${file} lists ${entries.length} tensors, at most ${TENSORS_MAX} are allowed`)
  const map = new Map<string, string>()
  for (const [tensor, shard] of entries) {
    if (typeof shard !== 'string') throw new CliError('checkpoint-invalid', `${file}: tensor ${printable(tensor)} has no file name`)
    map.set(tensor, shard)
  }
  return map
}

/** The files that hold tensors, ascending. */
export function shardNames(map: WeightMap, file: string): string[] {
  const names = [...new Set(map.values())].sort()
  if (names.length > SHARDS_MAX) throw new CliError('checkpoint-invalid', `${file} lists ${names.length} files, at most ${SHARDS_MAX} are allowed`)
  return names
}

/** Index and shards must say the same: each tensor in exactly the shard that the index gives it. */
export function checkShards(map: WeightMap, tensors: readonly TensorInfo[], file: string): void {
  const seen = new Set<string>()
  for (const { name, file: shard } of tensors) {
    if (seen.has(name)) throw new CliError('checkpoint-invalid', `tensor ${printable(name)} is in two shards`)
    seen.add(name)
    if (!map.has(name)) throw new CliError('checkpoint-invalid', `${shard} holds ${printable(name)}, which ${file} does not list`)
  }
  for (const { name, file: shard } of tensors) {
    if (map.get(name) !== shard) throw new CliError('checkpoint-invalid', `tensor ${printable(name)} is in ${shard}, not in the shard that ${file} names`)
  }
  for (const [name, shard] of map) {
    if (!seen.has(name)) throw new CliError('checkpoint-invalid', `${shard} does not hold ${printable(name)}, which ${file} lists`)
  }
}
