import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { packCheckpoint } from '../pack/pack.ts'
import { stageOutput } from '../pack/staging.ts'
import type { Progress } from '../progress.ts'

/** A progress that keeps the warnings. */
export function recordWarnings(): Progress & { readonly warnings: string[] } {
  const warnings: string[] = []
  const nothing = () => undefined
  return { start: nothing, advance: nothing, stop: nothing, warn: (message) => warnings.push(message), warnings }
}

/** Packs as the command does, without a process. */
export function packTo(out: string, from: string, tiers: readonly Tier[] = ['q8'], progress: Progress = recordWarnings()): Promise<Manifest> {
  return packCheckpoint({ from, name: 'tiny', tiers }, () => stageOutput(out), progress)
}

/** Every file of a folder with its bytes. */
export function filesOf(folder: string): Map<string, Buffer> {
  return new Map(
    readdirSync(folder)
      .sort()
      .map((file) => [file, readFileSync(join(folder, file))]),
  )
}
