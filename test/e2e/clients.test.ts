import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { addKey } from '../../cli/keys/change-keys.ts'
import { NO_LIMITS } from '../../shared/protocol/key-list.ts'
import { registerEveryClientContract } from '../contract/every-client-contract.ts'
import { registerEveryClientToolsContract } from '../contract/every-client-tools-contract.ts'
import type { Served } from '../contract/served.ts'
import { registerStreamContract } from '../contract/stream-contract.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'

/** As many as the demo model's context of 1,024 has room for behind a short question. */
const ENDLESS_TOKENS = 900

let folder: string
let instance: Instance
let served: Served

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isomoe-clients-'))
  const place = { file: join(folder, 'keys.json'), script: null, push: () => Promise.reject(new Error('nothing is deployed')) }
  const apiKey = await addKey(place, 'clients', NO_LIMITS) // no admin key, so /admin is open to this machine
  instance = await startInstance(['--keys', place.file])
  served = { url: instance.url, apiKey, model: 'isomoe-demo' }
})

afterAll(async () => {
  await instance.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('every client', () => registerEveryClientContract(() => served, ENDLESS_TOKENS))
describe('every client', () => registerEveryClientToolsContract(() => served))
registerStreamContract(() => served)
