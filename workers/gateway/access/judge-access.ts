import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { AccessSettings, KnownKey } from './access-settings.ts'
import { findKey, presentedKey } from './find-key.ts'
import type { KeyOwner, TimingSafeEqual } from './find-key.ts'
import { foreignReason } from './loopback.ts'

/** Paths that hold nothing of the model, its users or the cluster: the page, the API's description. */
export const OPEN_PATHS: readonly string[] = ['/', '/openapi.json']

/** What a path needs. `health` answers everybody, and more to those who may ask. What is not named needs an API key. */
export type Door = 'open' | 'health' | 'api' | 'admin'

export function doorOf(path: string): Door {
  if (OPEN_PATHS.includes(path)) return 'open'
  if (path === '/health') return 'health'
  return path === '/metrics' || path === '/admin' || path.startsWith('/admin/') ? 'admin' : 'api'
}

/** Who is let in. `stranger`: may see that the server is there. */
export type Visitor = { readonly kind: 'api'; readonly key: KnownKey } | { readonly kind: 'admin' | 'loopback' | 'stranger' }

/**
 * Lets a request in, or says why not. Each list is for its own doors: where API keys are set the API needs one, where an admin key is set the
 * admin's doors need it. Where none is set, a deployed server is closed and a local one open to its machine. SPEC KY2, KY3.
 */
export async function judgeAccess(settings: AccessSettings, door: Door, request: Request, isEqual: TimingSafeEqual): Promise<Result<Visitor, MoeError>> {
  if (door === 'open') return ok({ kind: 'stranger' })
  const { apiKeys, adminKey } = settings
  if (!apiKeys.ok) return apiKeys
  if (!adminKey.ok) return adminKey
  const presented = presentedKey(request.headers)
  const isKeyed = apiKeys.value.length > 0 || adminKey.value !== null
  const owner: KeyOwner = presented === null || !isKeyed ? { kind: 'nobody' } : await findKey(presented, apiKeys.value, adminKey.value, isEqual)
  if (door === 'health') return judgeHealth(settings, owner, isKeyed, request)
  const setting = door === 'admin' ? 'ADMIN_KEY' : 'API_KEYS'
  if (owner.kind === door) return ok(owner)
  if (owner.kind === 'api') return fail('forbidden', 'An API key does not open this: it needs the admin key.', {})
  const isSet = door === 'admin' ? adminKey.value !== null : apiKeys.value.length > 0
  if (!isSet) return judgeUnset(settings, setting, request)
  if (owner.kind === 'admin') return fail('forbidden', 'The admin key does not open this: it needs an API key.', {})
  const name = door === 'admin' ? 'admin' : 'API'
  const message = presented === null ? `No ${name} key: send one as \`authorization: Bearer …\` or \`x-api-key\`.` : `This ${name} key is not known here.`
  return fail('key-invalid', message, {})
}

/** Nobody's keys are set for this door. */
function judgeUnset({ mode, corsOrigins }: AccessSettings, setting: string, request: Request): Result<Visitor, MoeError> {
  if (mode === 'keys') {
    return fail('no-keys', `This server has no ${setting}, and without it this is closed to everybody: set it with \`isomoe keys\`.`, { setting })
  }
  const foreign = foreignReason(request, corsOrigins)
  return foreign === null ? ok({ kind: 'loopback' }) : fail('forbidden', foreign, {})
}

/** A stranger would wake the engine: he is told that the server is there. Locally nothing is woken that costs, and `isomoe dev` asks itself. */
function judgeHealth(settings: AccessSettings, owner: KeyOwner, isKeyed: boolean, request: Request): Result<Visitor, MoeError> {
  if (owner.kind !== 'nobody') return ok(owner)
  if (settings.mode === 'keys' && !isKeyed) return judgeUnset(settings, 'API_KEYS', request)
  const isLocal = settings.mode === 'loopback' && foreignReason(request, settings.corsOrigins) === null
  return ok({ kind: isLocal ? 'loopback' : 'stranger' })
}
