/// <reference types="@cloudflare/vitest-plugin/types" />
declare namespace Cloudflare {
  interface Env {
    readonly BUCKET: R2Bucket
    readonly EXPERT: DurableObjectNamespace<import('../../workers/expert/expert.ts').Expert>
    readonly AUTOSCALER: DurableObjectNamespace<import('../../workers/autoscaler/autoscaler.ts').Autoscaler>
  }
}
