import { moeLayers } from '../../shared/core/model-spec.ts'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import type { TensorSource, TensorSources } from '../../shared/core/tensor-sources.ts'
import { CliError, printable } from '../errors.ts'
import type { Checkpoint } from '../safetensors/checkpoint.ts'
import type { TensorInfo } from '../safetensors/header.ts'

/** Values compared at a time, of each of the two tensors. */
const COMPARE_VALUES = 1 << 18

/** Refuses a checkpoint whose tensors are not exactly those of its model, before anything is written. SPEC PK5. */
export async function checkTensors(checkpoint: Checkpoint, spec: ModelSpec, sources: TensorSources): Promise<void> {
  checkNames(checkpoint.tensors, spec, sources)
  for (const source of allSources(spec, sources)) checkShape(checkpoint.tensors.get(source.tensor)!, source)
  for (const [copy, original] of sources.redundant) {
    if (original !== null && checkpoint.tensors.has(copy)) await checkCopy(checkpoint, copy, original)
  }
}

function checkNames(tensors: ReadonlyMap<string, TensorInfo>, spec: ModelSpec, sources: TensorSources): void {
  const wanted = sources.tensorNames()
  const missing = [...wanted].filter((name) => !tensors.has(name))
  if (missing.length > 0) refuse(`tensor ${missing[0]} is missing${andMore(missing)}`)
  const extra = [...tensors.keys()].filter((name) => !wanted.has(name) && !sources.redundant.has(name))
  if (extra.length > 0) refuse(`tensor ${printable(extra[0]!)} is not one of this ${spec.family} model${andMore(extra)}`)
}

function* allSources(spec: ModelSpec, sources: TensorSources): Generator<TensorSource> {
  yield* sources.trunk.values()
  for (const layer of moeLayers(spec)) {
    for (let expert = 0; expert < spec.router.experts; expert++) {
      const { gate, up, down } = sources.expert(layer, expert)
      yield* [gate, up, down]
    }
  }
}

function checkShape({ name, shape }: TensorInfo, source: TensorSource): void {
  if (shape.join() !== source.shape.join()) refuse(`tensor ${name} has the shape [${shape.join(', ')}], the config implies [${source.shape.join(', ')}]`)
}

/** A tied model may bring its head along. If the head says something else than the embedding, dropping it would change the model. */
async function checkCopy(checkpoint: Checkpoint, copy: string, original: string): Promise<void> {
  const [a, b] = [checkpoint.tensors.get(copy)!, checkpoint.tensors.get(original)!]
  let equal = a.shape.join() === b.shape.join()
  for (let from = 0; equal && from < a.elements; from += COMPARE_VALUES) {
    const count = Math.min(COMPARE_VALUES, a.elements - from)
    equal = sameValues(await readValues(checkpoint, copy, from, count), await readValues(checkpoint, original, from, count))
  }
  if (!equal) refuse(`tensor ${copy} must repeat ${original} (tied embeddings), but differs`)
}

async function readValues(checkpoint: Checkpoint, tensor: string, from: number, count: number): Promise<Float32Array> {
  const values = new Float32Array(count)
  await checkpoint.readRows(tensor, from, count, 1, values)
  return values
}

function sameValues(a: Float32Array, b: Float32Array): boolean {
  return a.every((value, index) => value === b[index])
}

function andMore(names: readonly string[]): string {
  return names.length > 1 ? ` (and ${names.length - 1} more)` : ''
}

function refuse(message: string): never {
  throw new CliError('checkpoint-invalid', message)
}
