/** Name of the engine's binding to a host: expert-03 → EXPERT_03. One place for who writes configs and who reads them. */
export function hostBinding(host: string): `EXPERT_${string}` {
  return `EXPERT_${host.replace(/^expert-/, '').toUpperCase()}`
}

/** Scripts of n hosts: expert-00, expert-01, … */
export function hostNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `expert-${String(i).padStart(2, '0')}`)
}
