import { afterEach, expect, it, vi } from 'vitest'
import { moeError } from '../shared/protocol/errors.ts'
import { createLog } from './log.ts'

afterEach(() => vi.restoreAllMocks())

it('[MT7] a line is JSON and names its worker; a thrown error has its stack, an expected failure its code', () => {
  const written: string[] = []
  vi.spyOn(console, 'error').mockImplementation((line: string) => void written.push(line))
  const log = createLog('engine')
  log('a step failed', new TypeError('no such page'))
  log('the autoscaler is away', moeError('host-unavailable', 'gone', { host: 'autoscaler' }))
  log('thrown by somebody', 'text')
  const lines = written.map((line) => JSON.parse(line) as { error: { stack?: string } })
  expect(lines).toMatchObject([
    { level: 'error', worker: 'engine', message: 'a step failed', error: { name: 'TypeError', message: 'no such page' } },
    { message: 'the autoscaler is away', error: { name: 'host-unavailable', message: 'gone' } },
    { message: 'thrown by somebody', error: { name: 'string', message: 'text' } },
  ])
  expect(lines[0]!.error.stack).toContain('log.test')
})
