import { LIMITS } from '../../shared/protocol/limits.ts'

/** Words of a set of hosts: a bit for each index of a placement's hosts. */
export const HOST_WORDS = Math.ceil(LIMITS.hostsMax / 32)

/** Indices of the hosts in a set, ascending. */
export function hostsOf(words: Uint32Array): number[] {
  return Array.from({ length: words.length * 32 }, (_, host) => host).filter((host) => (words[host >>> 5]! & (1 << (host & 31))) !== 0)
}
