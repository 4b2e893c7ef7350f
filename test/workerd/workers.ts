export { Autoscaler } from '../../workers/autoscaler/autoscaler.ts'
export { Expert } from '../../workers/expert/expert.ts'

export default { fetch: () => new Response('for tests\n') } satisfies ExportedHandler
