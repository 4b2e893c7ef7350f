import { expect, it } from 'vitest'
import { DEMO_PACK } from '../e2e/pack-fixtures.ts'
import { perplexityOf, readDemoGolden, scoreTexts } from './score-texts.ts'

/** Perplexity over transformers' own at f32. Measured: docs/design/quality.md. The f32 tier is measured there too: its pack is not in the repository. */
it.each([
  ['q8', 1.01],
  ['q4', 1.08],
] as const)('[NU1] the demo model at %s has at most %f times the perplexity of transformers', async (tier, limit) => {
  const golden = await readDemoGolden()
  const reference = perplexityOf(
    golden.eval.map((text) => text.nll),
    golden,
  )
  const { perplexity } = await scoreTexts({ pack: DEMO_PACK, tier, hosts: 2 }, golden)
  expect(perplexity / reference).toBeLessThanOrEqual(limit)
  expect(perplexity / reference).toBeGreaterThan(0.99) // far better than the model itself would be a mistake in the scoring
})
