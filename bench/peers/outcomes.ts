import { ARENA_LIFTED } from '../cluster/layouts.ts'
import type { Outcome } from '../figures.ts'
import { orMissing } from '../samples.ts'
import type { Samples } from '../samples.ts'

export const PEERS = ['llamacpp_q4', 'llamacpp_q8', 'wllama_q4'] as const
export type PeerName = (typeof PEERS)[number]
export const OWN = ['isomoe_q4', 'isomoe_q8', 'isomoe_q4_deployed'] as const
export type OwnName = (typeof OWN)[number]
export type EngineName = PeerName | OwnName

const NOTES: Readonly<Record<EngineName, string>> = {
  llamacpp_q4: 'native llama.cpp, Q4_0, one thread',
  llamacpp_q8: 'native llama.cpp, Q8_0, one thread',
  wllama_q4: 'llama.cpp in WASM in Chromium, Q4_0, one thread; its published build has no hand-written SIMD dots',
  isomoe_q4: `q4, trunk q4; ${ARENA_LIFTED}`,
  isomoe_q8: `q8; ${ARENA_LIFTED}`,
  isomoe_q4_deployed: 'q4, trunk q4; six hosts or more, each within its budget',
}

/** Figure ← decode or prefill of one engine over another's. */
const RATIOS: readonly (readonly [id: string, phase: 'decode1' | 'prefill512', over: OwnName, peer: PeerName])[] = [
  ['peers.decode1.q4_over_llamacpp', 'decode1', 'isomoe_q4', 'llamacpp_q4'],
  ['peers.decode1.q8_over_llamacpp', 'decode1', 'isomoe_q8', 'llamacpp_q8'],
  ['peers.decode1.q4_deployed_over_llamacpp', 'decode1', 'isomoe_q4_deployed', 'llamacpp_q4'],
  ['peers.prefill512.q4_over_llamacpp', 'prefill512', 'isomoe_q4', 'llamacpp_q4'],
  ['peers.decode1.q4_over_wllama', 'decode1', 'isomoe_q4', 'wllama_q4'],
]
/** Prefill of 512 tokens is measured for these; in a browser it would take most of the bench. */
export const PREFILLED: readonly EngineName[] = ['isomoe_q4', 'llamacpp_q4']

/** The rows of `bench peers`. @param missing why a peer could not be measured; null for one that was. */
export function peersOutcomes(samples: Samples, missing: Readonly<Record<PeerName, string | null>>): Outcome[] {
  const reason = (name: EngineName) => (name in missing ? missing[name as PeerName] : null)
  return [
    ...RATIOS.map(([id, phase, over, peer]) =>
      orMissing(id, reason(peer), () => samples.ratio(id, `${phase}.${over}`, `${phase}.${peer}`, `${NOTES[over]} ÷ ${NOTES[peer]}`)),
    ),
    ...[...OWN, ...PEERS].map((name) => absolute(`peers.decode1.${name}`, name, `decode1.${name}`)),
    ...PREFILLED.map((name) => absolute(`peers.prefill512.${name}`, name, `prefill512.${name}`)),
  ]

  function absolute(id: string, name: EngineName, sample: string): Outcome {
    return orMissing(id, reason(name), () => samples.figure(id, 'tokens/s', sample, NOTES[name]))
  }
}
