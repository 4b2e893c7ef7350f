/// <reference types="@cloudflare/vitest-plugin/types" />
declare namespace Cloudflare {
  interface Env {
    readonly BUCKET: R2Bucket
    readonly EXPERT: DurableObjectNamespace<import('../../workers/expert/expert.ts').Expert>
    readonly GRAMMAR: DurableObjectNamespace<import('../../workers/grammar/grammar.ts').Grammar>
    readonly FAKE_ENGINE: DurableObjectNamespace<import('./fake-host.ts').FakeEngine>
    readonly LIMITER: DurableObjectNamespace<import('../../workers/limiter/limiter.ts').Limiter>
    readonly AUTOSCALER: DurableObjectNamespace<import('../../workers/autoscaler/autoscaler.ts').Autoscaler>
  }
}
