import fc from 'fast-check'
import { expect, it } from 'vitest'
import { moeError } from './errors.ts'
import { buildErrorFrame, createRowsFrame, createRunFrame, parseReply, parseRunFrame } from './frame.ts'

const ISOLATE = '0123456789abcdef01234567'

/** A well-formed run frame: tokens, and for each expert the tokens that it gets. */
const arbRun = fc
  .record({
    tokens: fc.integer({ min: 1, max: 20 }),
    rowBytes: fc.integer({ min: 1, max: 12 }).map((n) => n * 4),
    sequence: fc.nat(),
    layer: fc.nat(60),
    epoch: fc.nat(),
    chosen: fc.uniqueArray(fc.nat(100), { minLength: 1, maxLength: 8 }),
  })
  .chain((shape) => {
    const lists = shape.chosen.map(() => fc.uniqueArray(fc.nat(shape.tokens - 1), { minLength: 1 }))
    return fc.tuple(...lists).map((tokensOf) => ({ ...shape, chosen: shape.chosen.toSorted((a, b) => a - b), tokensOf }))
  })

type Run = typeof arbRun extends fc.Arbitrary<infer T> ? T : never

function headerOf(run: Run) {
  const { sequence, layer, epoch, tokens, rowBytes, chosen, tokensOf } = run
  return { sequence, layer, epoch, tokens, rowBytes, experts: chosen.length, pairs: tokensOf.flat().length }
}

function buildRun(run: Run): Uint8Array {
  const { frame, experts, pairTokens, activations } = createRunFrame(headerOf(run))
  experts.set(run.chosen.flatMap((expert, i) => [expert, run.tokensOf[i]!.length]))
  pairTokens.set(run.tokensOf.flat())
  activations.forEach((_, i) => (activations[i] = i))
  return frame
}

it('[WI2] reads back every run frame, wherever it lies in its buffer', () => {
  fc.assert(
    fc.property(arbRun, fc.nat(7), (run, shift) => {
      const built = buildRun(run)
      const moved = new Uint8Array(built.byteLength + shift).subarray(shift)
      moved.set(built)
      const parsed = parseRunFrame(moved)
      expect(parsed).toMatchObject({ ok: true, value: headerOf(run) })
      if (!parsed.ok) return
      expect([...parsed.value.expertIds]).toEqual(run.chosen)
      expect([...parsed.value.pairTokens]).toEqual(run.tokensOf.flat())
      expect(parsed.value.activations.byteLength).toBe(run.tokens * run.rowBytes)
      expect(parsed.value.activations[1]).toBe(1)
    }),
  )
})

it('[WI2] never throws on any bytes, and refuses every truncation', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(parseRunFrame(bytes).ok).toBe(false)
    }),
  )
  fc.assert(
    fc.property(arbRun, fc.nat(), (run, cut) => {
      const frame = buildRun(run)
      expect(parseRunFrame(frame.subarray(0, cut % frame.byteLength))).toMatchObject({ ok: false, error: { code: 'frame-invalid' } })
    }),
  )
})

it('[WI2] a changed byte is refused or still within every bound', () => {
  fc.assert(
    fc.property(arbRun, fc.nat(), fc.integer({ min: 1, max: 255 }), (run, at, flip) => {
      const frame = buildRun(run)
      frame[at % frame.byteLength]! ^= flip
      const parsed = parseRunFrame(frame)
      if (!parsed.ok) return
      const { tokens, pairs, expertPairs, pairTokens } = parsed.value
      expect(expertPairs.reduce((sum, n) => sum + n, 0)).toBe(pairs)
      expect(pairTokens.every((token) => token < tokens)).toBe(true)
    }),
  )
})

it('[WI3] a reply is accepted only for its own request', () => {
  const request = { sequence: 7, layer: 3, epoch: 2, tokens: 2, pairs: 3, experts: 2, rowBytes: 48 }
  const { frame, rows } = createRowsFrame(request, 16, ISOLATE)
  rows.fill(9)
  const parsed = parseReply(frame, request, 16)
  expect(parsed.ok && parsed.value.isolateId()).toBe(ISOLATE)
  for (const other of [{ sequence: 8 }, { layer: 4 }, { epoch: 3 }, { pairs: 4 }]) {
    expect(parseReply(frame, { ...request, ...other }, 16)).toMatchObject({
      ok: false,
      error: { code: 'frame-invalid', details: { field: Object.keys(other)[0] } },
    })
  }
  expect(parseReply(frame, request, 32)).toMatchObject({ ok: false, error: { details: { field: 'rowBytes' } } })
  expect(parseReply(frame.subarray(0, frame.byteLength - 1), request, 16)).toMatchObject({ ok: false, error: { details: { field: 'length' } } })
})

it('[WI3] a reply of another protocol version is refused', () => {
  const request = { sequence: 7, layer: 3, epoch: 2, tokens: 1, pairs: 1, experts: 1, rowBytes: 48 }
  const { frame } = createRowsFrame(request, 16, ISOLATE)
  frame[4]! += 1
  expect(parseReply(frame, request, 16)).toMatchObject({ ok: false, error: { code: 'frame-invalid', details: { field: 'version' } } })
})

it("[WI4] the host's own error comes through whole", () => {
  const request = { sequence: 7, layer: 3, epoch: 2, tokens: 1, pairs: 1, experts: 1, rowBytes: 48 }
  const error = moeError('not-resident', 'expert 4 of layer 3 is not on this host', { layer: 3, expert: 4, epoch: 2 })
  expect(parseReply(buildErrorFrame(7, ISOLATE, error), request, 16)).toEqual({ ok: false, error })
  expect(parseReply(buildErrorFrame(6, ISOLATE, error), request, 16)).toMatchObject({ ok: false, error: { code: 'frame-invalid' } })
})
