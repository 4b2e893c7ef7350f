import { expect, it } from 'vitest'
import { NOTHING_COUNTED } from '../../../test/contract/fake-autoscaler.ts'
import { readExposition } from '../../../test/fixtures/exposition.ts'
import { dashboardQueries, selectorsOf } from '../../../test/fixtures/grafana-queries.ts'
import { metricsText } from './metrics-text.ts'

it('[MT9] every query of the dashboard is PromQL and reads a metric that there is; no metric is missing from it', async () => {
  const { types } = readExposition(await metricsText(NOTHING_COUNTED))
  const read = new Set<string>()
  for (const { title, expr } of dashboardQueries()) {
    for (const { name, labels } of selectorsOf(expr)) {
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
      expect([title, family, types.get(family)]).toEqual([title, family, expect.any(String)])
      expect([title, types.get(family) === 'HISTOGRAM']).toEqual([title, family !== name])
      expect([title, labels]).toEqual([title, expect.arrayContaining(['model_name'])])
      read.add(family)
    }
  }
  expect(Array.from(types.keys()).filter((name) => !read.has(name))).toEqual([])
})

it('[MT9] what is no PromQL, or reads nothing, is found', () => {
  for (const wrong of ['rate(isomoe:x_total[1m]', 'sum by (le (x)', '1 + 1', 'rate(x{a=b}[1m])']) expect(() => selectorsOf(wrong)).toThrow(/PromQL|nothing/)
})
