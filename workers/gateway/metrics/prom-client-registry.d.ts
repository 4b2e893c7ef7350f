/** prom-client's types are of its main file. What it collects itself and what it is given are the same to its registry. */
declare module 'prom-client/lib/registry.js' {
  interface CollectedMetric {
    readonly name: string
    readonly help: string
    readonly type: 'counter' | 'gauge' | 'histogram'
    readonly values: readonly { readonly value: number; readonly labels: Readonly<Record<string, string>>; readonly metricName?: string }[]
  }

  export default class Registry {
    static readonly PROMETHEUS_CONTENT_TYPE: string
    setDefaultLabels(labels: Readonly<Record<string, string>>): void
    registerMetric(metric: { readonly name: string; get(): Promise<CollectedMetric> }): void
    metrics(): Promise<string>
  }
}
