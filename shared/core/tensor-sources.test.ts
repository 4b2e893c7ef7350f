import { describe, expect, it } from 'vitest'
import { FIXTURE_MODELS, fixtureUrl, readFixtureModel } from '../../test/fixtures/read-checkpoint.ts'
import { moeLayers } from './model-spec.ts'
import { expertMatrices, trunkTensors } from './tensors.ts'

describe('TensorSources', () => {
  it.each(FIXTURE_MODELS)('[PK5] %s: names exactly the tensors of the checkpoint, in their shapes', (folder) => {
    const { spec, sources, tensors } = readFixtureModel(fixtureUrl(`${folder}/`))
    expect([...sources.tensorNames()].sort()).toEqual([...tensors.keys()].sort())
    const experts = moeLayers(spec).flatMap((layer) => [...Array(spec.router.experts).keys()].flatMap((e) => Object.values(sources.expert(layer, e))))
    for (const { tensor, shape } of [...sources.trunk.values(), ...experts]) expect(shape, tensor).toEqual(tensors.get(tensor)!.shape)
  })

  it.each(FIXTURE_MODELS)('[PK5] %s: the parts cover every row of every tensor exactly once', (folder) => {
    const { spec, sources, tensors } = readFixtureModel(fixtureUrl(`${folder}/`))
    const parts = trunkTensors(spec).map(({ name, rows }) => ({ ...sources.trunk.get(name)!, rows }))
    for (const layer of moeLayers(spec)) {
      for (let e = 0; e < spec.router.experts; e++) parts.push(...expertMatrices(spec).map(({ name, rows }) => ({ ...sources.expert(layer, e)[name], rows })))
    }
    for (const [name, { shape }] of tensors) {
      const rows = shape.slice(0, -1).reduce((product, n) => product * n, 1)
      const ranges = parts.filter(({ tensor }) => tensor === name).sort((a, b) => a.rowOffset - b.rowOffset)
      const end = ranges.reduce((next, part) => (part.rowOffset === next ? next + part.rows : Number.NaN), 0)
      expect(end, name).toBe(rows)
    }
  })

  it('[PK5] knows the redundant tensors: computed buffers, and a tied head that must repeat the embedding', () => {
    const tied = readFixtureModel(fixtureUrl('models/granitemoe/')).sources.redundant
    expect(tied.get('lm_head.weight')).toBe('model.embed_tokens.weight')
    expect(tied.get('model.layers.2.self_attn.rotary_emb.inv_freq')).toBeNull()
    expect(readFixtureModel(fixtureUrl('models/mixtral/')).sources.redundant.has('lm_head.weight')).toBe(false)
  })
})
