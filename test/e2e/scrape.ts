import { readExposition, valueOf } from '../fixtures/exposition.ts'
import type { Exposition } from '../fixtures/exposition.ts'

const POLLS_MAX = 20_000

export async function scrape(url: string): Promise<Exposition> {
  const response = await fetch(`${url}/metrics`)
  const text = await response.text()
  if (response.status !== 200) throw new Error(text)
  return readExposition(text)
}

/** The metrics once they say what is waited for and nothing runs: engines report once more when they have nothing to do. */
export async function quietMetrics(url: string, isThere: (page: Exposition) => boolean): Promise<Exposition> {
  for (let polls = 0; polls < POLLS_MAX; polls++) {
    const page = await scrape(url)
    const isQuiet = valueOf(page, 'isomoe:num_requests_running') === 0 && valueOf(page, 'isomoe:num_requests_waiting') === 0
    if (isQuiet && isThere(page)) return page
  }
  throw new Error('the metrics never get quiet')
}

/** Sums that are less than they were, by series. */
export function wentBack(before: Exposition, after: Exposition): string[] {
  const sums = Array.from(before.types).filter(([, type]) => type !== 'GAUGE')
  return sums.flatMap(([name, type]) => {
    const parts = type === 'HISTOGRAM' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
    return parts.flatMap((part) =>
      (before.series.get(part) ?? []).flatMap(({ labels, value }) => {
        const { model_name: _model, ...own } = labels
        return (valueOf(after, part, own) ?? -1) < value ? [`${part} ${JSON.stringify(own)}`] : []
      }),
    )
  })
}
