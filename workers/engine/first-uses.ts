/**
 * Which experts a host has answered for: a call that names another may load its weights first, which takes as long as storage takes and says nothing of the host's work.
 * A host that failed may have lost all. Counts what is no steady state, so that a step can tell whether any of it was under way.
 * @param experts [layers] experts of each layer.
 */
export function createFirstUses(experts: readonly number[]) {
  const firstOf = experts.map((_, layer) => experts.slice(0, layer).reduce((sum, count) => sum + count, 0))
  const count = experts.reduce((sum, each) => sum + each, 0)
  const answered = new Map<string, Uint8Array>()
  let underWay = 0
  let disturbances = 0

  /** A call goes out. @param table [experts × 2] ids and pairs. @returns whether it is a first use; then `ended` must be called. */
  function begin(host: string, layer: number, table: Uint32Array): boolean {
    const known = answered.get(host)
    const isFirst = known === undefined || !isKnown(known, layer, table)
    if (isFirst) {
      underWay++
      disturbances++
    }
    return isFirst
  }

  function isKnown(known: Uint8Array, layer: number, table: Uint32Array): boolean {
    for (let i = 0; i < table.length; i += 2) if (known[firstOf[layer]! + table[i]!] === 0) return false
    return true
  }

  /** A first use ended. */
  function ended(host: string, layer: number, table: Uint32Array, isOk: boolean): void {
    underWay--
    if (!isOk) return
    const known = answered.get(host) ?? new Uint8Array(count)
    answered.set(host, known)
    for (let i = 0; i < table.length; i += 2) known[firstOf[layer]! + table[i]!] = 1
  }

  /** A call failed. */
  function failed(host: string): void {
    answered.delete(host)
    disturbances++
  }

  /** Changes with every first use, fault and hedge. */
  const mark = (): number | null => (underWay > 0 ? null : disturbances)

  return { begin, ended, failed, disturbed: () => void disturbances++, mark }
}
