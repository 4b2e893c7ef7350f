import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError } from '../errors.ts'
import type { RunWrangler } from '../wrangler.ts'
import { inDeletionOrder } from './deploy-plan.ts'
import { openRecord, parseRecord, RECORD_BYTES_MAX, recordKey, RECORDS_PREFIX } from './deployment-record.ts'
import type { ObjectStore } from './object-store.ts'
import { deploymentFolder } from './run-deploy.ts'
import { deleteScript } from './take-steps.ts'

export interface DestroyOptions {
  readonly name: string
  readonly bucket: string
  readonly withPack?: true
  readonly yes?: true
  readonly dryRun?: true
  readonly state: string
}

export interface DestroyDeps {
  readonly wrangler: RunWrangler
  store(bucket: string): ObjectStore
  /** What somebody types; null: nobody is there. */
  ask(question: string): Promise<string | null>
  say(line: string): void
}

/** Deletes a deployment: who binds before what is bound to. What was deleted leaves the record at once, so the command may be repeated. SPEC DP10. */
export async function runDestroy(options: DestroyOptions, { wrangler, store: openStore, ask, say }: DestroyDeps): Promise<void> {
  const { name, bucket } = options
  const store = openStore(bucket)
  const folder = deploymentFolder(options)
  const open = await openRecord(store, name, bucket, join(folder, 'deployment.json'))
  if (!open.found) {
    say(`${bucket} has no record of ${name}: nothing is deployed under this name`)
    return
  }
  const scripts = inDeletionOrder(open.record.scripts)
  const packs = options.withPack ? await ownPacks(store, name, open.record.packs) : { own: [], shared: [] }
  for (const { script } of scripts) say(`delete ${script}`)
  for (const prefix of packs.own) say(`delete ${bucket}/${prefix}`)
  for (const prefix of packs.shared) say(`keep ${bucket}/${prefix}: another deployment has it`)
  if (options.dryRun) return say('dry run: nothing was deleted')
  if (!options.yes && (await ask(`Type ${name} to delete it: `)) !== name)
    throw new CliError('deploy-refused', 'nothing was deleted: the name was not confirmed (--yes needs none)')
  let { record } = open
  for (const [index, { script }] of scripts.entries()) {
    await deleteScript(wrangler, script, `${index + 1} of ${scripts.length}`)
    record = { ...record, scripts: record.scripts.filter((other) => other.script !== script) }
    await open.save(record)
  }
  for (const prefix of packs.own) for (const key of await store.list(prefix)) await store.delete(key)
  await open.remove()
  await rm(folder, { recursive: true, force: true })
  say(`${name} is gone${options.withPack ? '' : `; its packs are still in ${bucket}`}`)
}

async function ownPacks(store: ObjectStore, name: string, packs: readonly string[]): Promise<{ own: readonly string[]; shared: readonly string[] }> {
  const others = (await store.list(RECORDS_PREFIX)).filter((key) => key !== recordKey(name))
  const used = new Set<string>()
  for (const key of others) {
    const stored = await store.get(key, RECORD_BYTES_MAX)
    for (const prefix of stored === null ? [] : parseRecord(stored.body, key).packs) used.add(prefix)
  }
  return { own: packs.filter((prefix) => !used.has(prefix)), shared: packs.filter((prefix) => used.has(prefix)) }
}
