import { createDocument } from 'zod-openapi'
import { operationOf } from './operation.ts'
import { PATHS } from './paths.ts'
import { ScaleEventObject } from './answers/admin.ts'

/** The API as an OpenAPI 3.1 document, made of the schemas that validate. Slow enough to be made once. SPEC AP15. */
export function createOpenApi() {
  const paths = Object.fromEntries(
    Object.entries(PATHS).map(([path, { get, post }]) => [path, { ...(get && { get: operationOf(get) }), ...(post && { post: operationOf(post) }) }]),
  )
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'isomoe',
      version: '1',
      description: "OpenAI's API, and Anthropic's messages, in front of one Mixture-of-Experts model.",
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [{ name: 'Generation' }, { name: 'Models and tokens' }, { name: 'Operation' }],
    paths,
    components: {
      schemas: { ScaleEvent: ScaleEventObject },
      securitySchemes: {
        bearerKey: { type: 'http', scheme: 'bearer', description: 'A client’s key. On loopback none is needed.' },
        headerKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The same key, as Anthropic’s clients send it.' },
        adminKey: { type: 'http', scheme: 'bearer', description: 'The operator’s key. On loopback none is needed.' },
        adminHeaderKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The same.' },
      },
    },
  })
}
