import type { Handler } from 'hono'
import type { GatewayDeps } from '../deps.ts'
import { callAutoscaler } from '../generate/engine-call.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { METRICS_CONTENT_TYPE, metricsText } from '../metrics/metrics-text.ts'
import type { Description } from '../openapi/operation.ts'

/** GET /metrics: everything that is counted, for Prometheus. Wakes neither engine nor cold hosts. SPEC MT1 to MT4. */
export function getMetrics(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const snapshot = orRefuse(await callAutoscaler(deps, () => deps.autoscaler.metrics()))
    return c.body(await metricsText(snapshot), 200, { 'content-type': METRICS_CONTENT_TYPE })
  }
}

export const metricsDescription: Description = {
  id: 'getMetrics',
  tag: 'Operation',
  summary: 'Everything that is counted, for Prometheus',
  access: 'admin',
  answer: { contentType: 'text/plain', text: "Prometheus' text format." },
}
