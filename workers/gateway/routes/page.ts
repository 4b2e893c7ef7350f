import type { Handler } from 'hono'
import type { GatewayDeps } from '../deps.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import type { Description } from '../openapi/operation.ts'

/** The live page as scripts/build-page.mjs makes it: one document, its tag, and the policy that lets only its own script and style run. */
export interface PageAsset {
  readonly html: string
  readonly etag: string
  readonly contentSecurityPolicy: string
}

/** GET /: the live page. It holds no data, so it is public; what it shows it asks of the API with the reader's keys. SPEC LP1. */
export function getPage({ page }: GatewayDeps): Handler<GatewayEnv> {
  return (c) => {
    c.header('etag', page.etag)
    c.header('cache-control', 'no-cache') // asked again each time: a deployment shows at once
    c.header('content-security-policy', page.contentSecurityPolicy)
    c.header('x-content-type-options', 'nosniff')
    c.header('referrer-policy', 'no-referrer')
    c.header('cross-origin-opener-policy', 'same-origin')
    const known = c.req
      .header('if-none-match')
      ?.split(',')
      .map((tag) => tag.trim().replace(/^W\//, ''))
    return known?.includes(page.etag) === true ? c.body(null, 304) : c.html(page.html)
  }
}

export const pageDescription: Description = {
  id: 'getPage',
  tag: 'Operation',
  summary: 'The live page',
  access: 'none',
  answer: { contentType: 'text/html', text: 'Chat, and the cluster as it is now. It asks the API with the reader’s keys.' },
}
