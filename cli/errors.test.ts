import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CliError, errorLine, exitCodeOf, unwrap } from './errors.ts'
import { createProgress } from './progress.ts'
import { fail } from '../shared/protocol/errors.ts'

describe('the error line', () => {
  it('[CL1] is one printable line of bounded length, whatever the message holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (message) => {
        const line = errorLine(new CliError('checkpoint-invalid', message))
        expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
        expect(line.startsWith('isomoe: ') && line.endsWith(' (checkpoint-invalid)')).toBe(true)
        expect(line.length).toBeLessThan(700)
      }),
    )
  })

  it('[CL1] says the code of a failed result, and of the system', () => {
    expect(() => unwrap(fail('manifest-invalid', 'spec.vocab: too large', { field: 'spec.vocab' }))).toThrow(
      new CliError('manifest-invalid', 'spec.vocab: too large'),
    )
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
    expect(errorLine(full)).toBe('isomoe: no space left on device, write (ENOSPC)')
    expect(errorLine(new RangeError('oops'))).toBe('isomoe: RangeError: oops (internal)')
    expect(exitCodeOf(full)).toBe(1)
  })
})

describe('progress', () => {
  function shown(isTTY: boolean): string {
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 80, rows: 24 })
    const progress = createProgress('pack', stream)
    progress.start(4)
    for (const [units, stage] of [
      [1, 'trunk'],
      [1, 'layer 1'],
      [1, 'layer 1'],
      [1, 'layer 2'],
    ] as const)
      progress.advance(units, stage)
    progress.stop()
    progress.stop()
    return (stream.read() as string | null) ?? ''
  }

  it('[CL2] is one plain line a stage where there is no TTY', () => {
    expect(shown(false)).toBe('pack: trunk (0 % done)\npack: layer 1 (25 % done)\npack: layer 2 (75 % done)\n')
  })

  it('[CL2] is drawn over itself on a TTY', () => {
    const text = shown(true)
    expect(text).toContain('\u001b[')
    expect(text).toContain('pack ')
    expect(text).not.toContain('% done')
  })
})
