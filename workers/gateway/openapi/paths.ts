import { adminEventsDescription, adminPolicyDescription, adminScaleDescription, adminStateDescription } from '../routes/admin.ts'
import { chatCompletionsDescription } from '../routes/chat-completions.ts'
import { completionsDescription } from '../routes/completions.ts'
import { countTokensDescription, messagesDescription } from '../routes/messages.ts'
import { metricsDescription } from '../routes/metrics.ts'
import { getModelDescription, listModelsDescription } from '../routes/models.ts'
import { pageDescription } from '../routes/page.ts'
import { responsesDescription } from '../routes/responses.ts'
import { healthDescription } from '../routes/status.ts'
import { applyTemplateDescription, detokenizeDescription, tokenizeDescription } from '../routes/tokens.ts'
import type { Description } from './operation.ts'

/** Every route of app.ts, in the order of the document. A route's description stands beside its handler. SPEC AP15. */
export const PATHS: Readonly<Record<string, { readonly get?: Description; readonly post?: Description }>> = {
  '/v1/chat/completions': { post: chatCompletionsDescription },
  '/v1/completions': { post: completionsDescription },
  '/v1/responses': { post: responsesDescription },
  '/v1/messages': { post: messagesDescription },
  '/v1/messages/count_tokens': { post: countTokensDescription },
  '/v1/models': { get: listModelsDescription },
  '/v1/models/{id}': { get: getModelDescription },
  '/tokenize': { post: tokenizeDescription },
  '/detokenize': { post: detokenizeDescription },
  '/apply-template': { post: applyTemplateDescription },
  '/': { get: pageDescription },
  '/health': { get: healthDescription },
  '/metrics': { get: metricsDescription },
  '/openapi.json': {
    get: {
      id: 'getOpenApi',
      tag: 'Operation',
      summary: 'This document',
      access: 'none',
      answer: { contentType: 'application/json', text: 'OpenAPI 3.1, made of the schemas that validate requests.' },
    },
  },
  '/admin/state': { get: adminStateDescription },
  '/admin/events': { get: adminEventsDescription },
  '/admin/scale': { post: adminScaleDescription },
  '/admin/policy': { post: adminPolicyDescription },
}
