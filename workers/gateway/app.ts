import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { methodNotAllowed as methodNotAllowedMiddleware } from 'hono/method-not-allowed'
import { secureHeaders } from 'hono/secure-headers'
import { moeError } from '../../shared/protocol/errors.ts'
import { countRequest, letIn, refuseSpent } from './access/let-in.ts'
import { EXPOSED_HEADERS } from './access/rate-headers.ts'
import type { GatewayDeps } from './deps.ts'
import { echo } from '../../shared/protocol/echo.ts'
import { asMoeError, errorResponse, methodNotAllowed } from './http/errors.ts'
import { readRest } from './http/read-rest.ts'
import { requestBounds } from './http/request-bounds.ts'
import { requestId } from './http/request-id.ts'
import type { GatewayEnv } from './http/request-id.ts'
import { logRequests } from './request-log/request-log.ts'
import { getAdminEvents, getAdminState, postAdminPolicy, postAdminScale } from './routes/admin.ts'
import { postChatCompletions } from './routes/chat-completions.ts'
import { postCompletions } from './routes/completions.ts'
import { postCountTokens, postMessages } from './routes/messages.ts'
import { getMetrics } from './routes/metrics.ts'
import { getModel, listModels } from './routes/models.ts'
import { getOpenApi } from './routes/openapi.ts'
import { postResponses } from './routes/responses.ts'
import { getPage } from './routes/page.ts'
import { getHealth } from './routes/status.ts'
import { postApplyTemplate, postDetokenize, postTokenize } from './routes/tokens.ts'

/** Of an API. The page at `/` says itself what it may load. Transport security is a decision for the whole domain, so it is its operator's. */
const apiHeaders = secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: 'DENY',
  strictTransportSecurity: false,
  crossOriginResourcePolicy: false, // CORS says who may read
})
const PREFLIGHT_S = 600

/** The HTTP face. It knows nothing of Workers: the platform comes in through `deps`. Rules: SPEC AP1 to AP9, KY1 to KY8, docs/design/api.md. */
export function createApp(deps: GatewayDeps): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>()
  const { corsOrigins } = deps.access
  app.use(readRest(deps))
  app.use(requestId(deps.newId))
  app.use(logRequests(deps.requestLog))
  app.use((c, next) => (c.req.path === '/' ? next() : apiHeaders(c, next)))
  if (corsOrigins.length > 0) {
    const origin = corsOrigins.includes('*') ? '*' : [...corsOrigins]
    app.use(cors({ origin, allowMethods: ['GET', 'POST'], exposeHeaders: [...EXPOSED_HEADERS], maxAge: PREFLIGHT_S }))
  }
  app.use(requestBounds) // behind CORS: a page must be able to read why it was refused
  app.use(letIn(deps))
  app.use(methodNotAllowedMiddleware({ app, onMethodNotAllowed: methodNotAllowed }))
  app.get('/', getPage(deps))
  app.get('/health', getHealth(deps))
  app.get('/v1/models', listModels(deps))
  app.get('/v1/models/:id', getModel(deps))
  app.post('/v1/completions', refuseSpent, postCompletions(deps))
  app.post('/v1/chat/completions', refuseSpent, postChatCompletions(deps))
  app.post('/v1/responses', refuseSpent, postResponses(deps))
  app.post('/v1/messages', refuseSpent, postMessages(deps))
  app.post('/v1/messages/count_tokens', countRequest, postCountTokens(deps))
  app.post('/tokenize', countRequest, postTokenize(deps))
  app.post('/detokenize', countRequest, postDetokenize(deps))
  app.post('/apply-template', countRequest, postApplyTemplate(deps))
  app.get('/openapi.json', getOpenApi())
  app.get('/metrics', getMetrics(deps))
  app.get('/admin/state', getAdminState(deps))
  app.get('/admin/events', getAdminEvents(deps))
  app.post('/admin/scale', postAdminScale(deps))
  app.post('/admin/policy', postAdminPolicy(deps))
  app.notFound((c) => errorResponse(c, moeError('invalid-request', `There is no ${echo(c.req.path)} here.`, { param: null, reason: 'not_found' })))
  app.onError((error, c) => {
    const reason = asMoeError(error)
    if (reason.code === 'internal') deps.log('a request failed', error)
    return errorResponse(c, reason)
  })
  return app
}
