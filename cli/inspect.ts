import { Command } from 'commander'
import { readPackFolder } from './pack-folder.ts'
import { summarizePack } from './pack-summary.ts'
import type { PackSummary } from './pack-summary.ts'
import { WASM_BYTES_MAX } from '../shared/placement/budget.ts'
import { formatBytes, formatCount, formatTable } from './table.ts'

export const inspectCommand = new Command('inspect')
  .description('Say what a pack is: model, sizes by part and tier, hosts it needs.')
  .argument('<pack>', 'folder of the pack')
  .option('--json', 'as JSON, all sizes in bytes')
  .action(async (path: string, options: { readonly json?: true }) => {
    const summary = summarizePack(await readPackFolder(path))
    process.stdout.write(options.json ? `${JSON.stringify(summary, null, 2)}\n` : describePack(summary))
  })

/** Two tables: the model, then its tiers. */
export function describePack(pack: PackSummary): string {
  const shared = pack.sharedWidth === null ? '' : `, one shared of width ${pack.sharedWidth}`
  const dense = pack.layers - pack.moeLayers
  const model = [
    ['name', pack.name],
    ['digest', pack.digest],
    ['family', pack.family],
    ['parameters', `${formatCount(pack.parameters.total)}, ${formatCount(pack.parameters.activePerToken)} active per token`],
    ['layers', `${pack.layers}${dense > 0 ? `, ${dense} of them dense` : ''}`],
    ['experts', `${pack.experts} a layer, top ${pack.topK}, width ${pack.expertWidth}${shared}`],
    ['hidden', `${pack.hidden}`],
    ['vocabulary', `${pack.vocab}`],
    ['context', `${pack.contextTokens} tokens`],
    ['tokenizer', pack.tokenizer ? 'yes' : 'no: serves token ids only'],
    ['chat template', pack.chatTemplate ? 'yes' : 'no'],
  ]
  const keyWidth = Math.max(...model.map(([key]) => key!.length))
  const tiers = pack.tiers.map((t) => [
    t.tier,
    formatBytes(t.trunkBytes),
    formatBytes(t.expertBytes),
    formatBytes(t.layerBytes),
    formatBytes(t.expertsBytes),
    t.hosts === null ? 'an expert is too large' : String(t.hosts),
    formatBytes(t.kvBytesPerToken),
    t.kvTokens === null ? 'the trunk is too large' : String(t.kvTokens),
  ])
  const head = [
    'tier',
    'trunk',
    'one expert',
    'experts a layer',
    'all experts',
    `hosts at ${formatBytes(pack.hostArenaBytes)}`,
    'KV a token',
    `tokens in ${formatBytes(WASM_BYTES_MAX)}`,
  ]
  return `${model.map(([key, value]) => `${key!.padEnd(keyWidth)}  ${value}\n`).join('')}\n${formatTable([head, ...tiers])}`
}
