import { expect, it } from 'vitest'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { readyText } from './ready-text.ts'
import type { DevAccess } from './dev-access.ts'
import type { DevOptions } from './run-dev.ts'

const MANIFEST = { name: 'tiny', tokenizer: null } as Manifest
const ONE = [{ process: 0, pid: 11, port: 1, scripts: ['isomoe-gateway', 'expert-00'] }]
const TWO = [...ONE, { process: 1, pid: 12, port: 2, scripts: ['expert-01'] }]

const OPEN: DevAccess = { vars: {}, keys: null, ownKey: null }

function linesOf(options: Partial<DevOptions>, processes = ONE, access = OPEN): string[] {
  const defaults = { port: 80, hosts: 1, standby: 0, tier: 'q8', trunk: 'q8', rttMs: 0 }
  return readyText({ ...defaults, ...options } as DevOptions, MANIFEST, access, processes).split('\n')
}

it('[CL3] one ready line names model, tier, hosts, and the trunk where it is not the usual one', () => {
  expect(linesOf({})).toContain('ready http://127.0.0.1:80 tiny q8 on 1 host')
  expect(linesOf({ tier: 'q4', trunk: 'q4', hosts: 3, standby: 2 }, TWO)).toContain(
    'ready http://127.0.0.1:80 tiny q4 with trunk q4 on 3 hosts, 2 standby, 2 processes',
  )
  expect(linesOf({ tier: 'f32', trunk: 'q4' })).toContain('ready http://127.0.0.1:80 tiny f32 on 1 host') // the f32 trunk is f32 whatever is asked for
})

it('[CL9] each process is named with its pid, before the ready line', () => {
  expect(linesOf({}, TWO).slice(0, 3)).toEqual([
    'process 0, pid 11: isomoe-gateway expert-00',
    'process 1, pid 12: expert-01',
    expect.stringMatching(/^ready /),
  ])
})

it('[CL9] what is emulated is named, and nothing else is', () => {
  const emulated = (options: Partial<DevOptions>) => linesOf(options).filter((line) => line.startsWith('emulated'))
  expect(emulated({})).toEqual([])
  expect(emulated({ rttMs: 3, hostRate: 5e8 })).toEqual([
    'emulated network: at least 3 ms for each call to a host',
    'emulated hosts: at most 500,000,000 weights a second each',
  ])
})

it('[CL3] [KY3] where keys are set it says so, and the request brings one', () => {
  const lines = linesOf({}, ONE, { vars: {}, keys: { path: '.isomoe/keys.json', count: 2, admin: true }, ownKey: 'imk_own' })
  expect(lines).toContain('keys of .isomoe/keys.json: 2 for the API, admin key set')
  expect(lines.find((line) => line.includes('curl'))).toContain(' -H "authorization: Bearer $ISOMOE_API_KEY" -H ')
  expect(lines.join()).not.toContain('imk_own')
  expect(linesOf({}, ONE, { vars: {}, keys: { path: 'k', count: 0, admin: true }, ownKey: null }).join()).not.toContain('Bearer')
})
