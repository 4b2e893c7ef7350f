import { Hono } from 'hono'
import { methodNotAllowed as methodNotAllowedMiddleware } from 'hono/method-not-allowed'
import { moeError } from '../../shared/protocol/errors.ts'
import type { GatewayDeps } from './deps.ts'
import { asMoeError, errorResponse, methodNotAllowed } from './http/errors.ts'
import { requestId } from './http/request-id.ts'
import type { GatewayEnv } from './http/request-id.ts'
import { logRequests } from './request-log/request-log.ts'
import { getAdminEvents, getAdminState, postAdminPolicy, postAdminScale } from './routes/admin.ts'
import { postChatCompletions } from './routes/chat-completions.ts'
import { postCompletions } from './routes/completions.ts'
import { postCountTokens, postMessages } from './routes/messages.ts'
import { getMetrics } from './routes/metrics.ts'
import { getModel, listModels } from './routes/models.ts'
import { postResponses } from './routes/responses.ts'
import { getPage } from './routes/page.ts'
import { getHealth } from './routes/status.ts'
import { postApplyTemplate, postDetokenize, postTokenize } from './routes/tokens.ts'

/** The HTTP face. It knows nothing of Workers: the platform comes in through `deps`. Rules: SPEC AP1 to AP9, docs/design/api.md. */
export function createApp(deps: GatewayDeps): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>()
  app.use(requestId(deps.newId))
  app.use(logRequests(deps.requestLog))
  app.use(methodNotAllowedMiddleware({ app, onMethodNotAllowed: methodNotAllowed }))
  app.get('/', getPage(deps))
  app.get('/health', getHealth(deps))
  app.get('/v1/models', listModels(deps))
  app.get('/v1/models/:id', getModel(deps))
  app.post('/v1/completions', postCompletions(deps))
  app.post('/v1/chat/completions', postChatCompletions(deps))
  app.post('/v1/responses', postResponses(deps))
  app.post('/v1/messages', postMessages(deps))
  app.post('/v1/messages/count_tokens', postCountTokens(deps))
  app.post('/tokenize', postTokenize(deps))
  app.post('/detokenize', postDetokenize(deps))
  app.post('/apply-template', postApplyTemplate(deps))
  app.get('/metrics', getMetrics(deps))
  app.get('/admin/state', getAdminState(deps))
  app.get('/admin/events', getAdminEvents(deps))
  app.post('/admin/scale', postAdminScale(deps))
  app.post('/admin/policy', postAdminPolicy(deps))
  app.notFound((c) => errorResponse(c, moeError('invalid-request', `There is no ${c.req.path} here.`, { param: null, reason: 'not_found' })))
  app.onError((error, c) => {
    const reason = asMoeError(error)
    if (reason.code === 'internal') deps.log('a request failed', error)
    return errorResponse(c, reason)
  })
  return app
}
