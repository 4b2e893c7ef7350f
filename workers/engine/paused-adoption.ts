import type { Placement } from '../../shared/placement/placement.ts'
import type { EpochHosts } from './expert-hosts.ts'
import type { EpochBoard } from './epoch-board.ts'

/**
 * Adoption as an engine without versions of its table has to do it, for experiments: no step begins until all have ended and every host that holds
 * anything has a session of the new table.
 */
export function createPausedAdoption(board: EpochBoard<EpochHosts>) {
  let gate: Promise<void> | null = null

  function adopt(placement: Placement): void {
    if (placement.epoch <= board.newest().placement.epoch) return
    board.adopt(placement)
    const mine: Promise<void> = reopen(placement).finally(() => {
      if (gate === mine) gate = null
    })
    gate = mine
  }

  async function reopen({ epoch, hosts }: Placement): Promise<void> {
    await board.drained(epoch)
    const { value } = board.newest()
    const used = Array.from(hosts, (_, host) => value.link(host)).filter(({ assigned }) => assigned > 0)
    await Promise.all(used.map((link) => link.connect())) // one that cannot be reached is the first call's trouble
  }

  return { adopt, /** What a step has to wait for; null: nothing. */ closed: () => gate }
}
