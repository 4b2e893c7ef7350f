import { createHash } from 'node:crypto'
import { testGateway } from './test-gateway.ts'
import type { TestGatewayOptions } from './test-gateway.ts'

export const API_KEY = 'imk_alice-secret'
export const OTHER_KEY = 'imk_bob-secret'
export const ADMIN_KEY = 'ima_root-secret'

export const sha256 = (key: string) => createHash('sha256').update(key).digest('hex')
export const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

/** A deployed gateway with an admin key and two API keys: `alice` with limits, `bob` without. */
export function keyedGateway(aliceLimits = '', options: TestGatewayOptions = {}) {
  const list = `alice:${sha256(API_KEY)}${aliceLimits === '' ? '' : `:${aliceLimits}`} bob:${sha256(OTHER_KEY)}`
  const gateway = testGateway({ access: { ACCESS: 'keys', API_KEYS: list, ADMIN_KEY: sha256(ADMIN_KEY) }, ...options })
  const get = async (path: string, headers: Record<string, string> = {}) => gateway.app.request(path, { headers })
  const send = (path: string, body: unknown, key = API_KEY, signal?: AbortSignal) => gateway.post(path, body, signal, bearer(key))
  return { ...gateway, get, send }
}
