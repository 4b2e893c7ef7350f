import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { isTier, TIERS, TRUNK_PRECISIONS } from '../shared/protocol/tiers.ts'
import { perplexityOf, readDemoGolden, scoreTexts } from '../test/cluster/score-texts.ts'

/** Prints the table of docs/design/quality.md for a pack of the demo checkpoint. usage: node bench/perplexity.ts --pack <dir> [--tiers f32,q8,q4] [--trunk q8|q4] */
const { values } = parseArgs({
  options: { pack: { type: 'string', default: 'models/demo' }, tiers: { type: 'string', default: 'q8,q4' }, trunk: { type: 'string', default: 'q8' } },
})
const trunk = TRUNK_PRECISIONS.find((precision) => precision === values.trunk)
if (!trunk) throw new Error(`--trunk: ${values.trunk} is none of ${TRUNK_PRECISIONS.join(', ')}`)
const tiers = values.tiers.split(',').map((tier) => {
  if (!isTier(tier)) throw new Error(`--tiers: ${tier} is none of ${TIERS.join(', ')}`)
  return tier
})
const golden = await readDemoGolden()
const reference = perplexityOf(
  golden.eval.map((text) => text.nll),
  golden,
)
const rows = [`| transformers 5.23, float32 | ${reference.toFixed(4)} | 1 | | |`]
for (const tier of tiers) {
  const { perplexity, worstText, greedyEqual } = await scoreTexts({ pack: values.pack, tier, trunk, hosts: 2 }, golden)
  rows.push(
    `| ${tier}${trunk === 'q4' ? ', trunk q4' : ''} | ${perplexity.toFixed(4)} | ${(perplexity / reference).toFixed(5)} | ${(100 * worstText).toFixed(4)} % | ${greedyEqual} of ${golden.greedy.length} |`,
  )
}
const head = ['| | perplexity | over transformers | worst text, nll | greedy continuations equal |', '|---|---|---|---|---|']
process.stdout.write(`${[...head, ...rows].join('\n')}\n\n${cpus()[0]!.model}, node ${process.version}\n`)
