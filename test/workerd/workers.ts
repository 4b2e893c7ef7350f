export { Autoscaler } from '../../workers/autoscaler/autoscaler.ts'
export { Expert } from '../../workers/expert/expert.ts'
export { Grammar } from '../../workers/grammar/grammar.ts'
export { Limiter } from '../../workers/limiter/limiter.ts'
export { FakeEngine, FakeExpert00, FakeExpert01, FakeExpert02 } from './fake-host.ts'

export default { fetch: () => new Response('for tests\n') } satisfies ExportedHandler
