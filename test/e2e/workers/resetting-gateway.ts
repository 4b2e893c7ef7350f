import gateway from '../../../workers/gateway/gateway.ts'
import type { Env } from '../../../workers/gateway/env.ts'
import type { Engine } from './resettable-engine.ts'

/** The product's gateway; `/test/reset` resets the engine, `/test/forget` with its journal, `/test/stored` counts what it keeps. */
export default {
  async fetch(request, env, ctx) {
    const engine = (env.ENGINE as unknown as DurableObjectNamespace<Engine>).getByName('engine-0')
    switch (new URL(request.url).pathname) {
      case '/test/reset':
        await engine.reset().catch(() => undefined) // the call dies with the object
        return new Response('reset\n')
      case '/test/forget':
        await engine.resetWithoutRecord().catch(() => undefined)
        return new Response('reset\n')
      case '/test/stored':
        return Response.json(await engine.storedKeys())
      default:
        return gateway.fetch(request, env, ctx)
    }
  },
} satisfies ExportedHandler<Env>
