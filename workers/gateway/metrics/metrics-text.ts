// Not the package's main file: that brings collectors of Node's own state along, 184 KB for 13 (docs/design/metrics.md).
import Registry from 'prom-client/lib/registry.js'
import { METRICS, METRIC_PREFIX } from '../../../shared/protocol/metric-names.ts'
import type { MetricKey } from '../../../shared/protocol/metric-names.ts'
import type { MetricsSnapshot } from '../../../shared/protocol/metrics-api.ts'
import { metricValues } from './metric-values.ts'

/** The text format of Prometheus, 0.0.4. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** All metrics, each with its HELP and TYPE, those without a sample too. */
export async function metricsText(snapshot: MetricsSnapshot): Promise<string> {
  const registry = new Registry()
  registry.setDefaultLabels({ model_name: snapshot.model })
  const values = metricValues(snapshot)
  for (const key of Object.keys(METRICS) as MetricKey[]) {
    const { type, help, name } = METRICS[key]
    const fullName = METRIC_PREFIX + name
    const samples = values[key].map(({ value, labels, suffix }) => ({ value, labels, ...(suffix && { metricName: fullName + suffix }) }))
    registry.registerMetric({ name: fullName, get: async () => ({ name: fullName, help, type, values: samples }) })
  }
  return registry.metrics()
}
