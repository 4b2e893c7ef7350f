import fc from 'fast-check'
import { expect, it } from 'vitest'
import { splitEvents } from './completion-stream.ts'

it('events come whole, however the stream is cut', () => {
  const stream = 'data: {"a":1}\n\ndata: {"b":"x"}\n\n: a comment\n\ndata: [DONE]\n\n'
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
      const borders = [0, ...cuts.toSorted((a, b) => a - b), stream.length]
      const seen: string[] = []
      let unread = ''
      for (let i = 1; i < borders.length; i++) {
        const { data, rest } = splitEvents(unread + stream.slice(borders[i - 1], borders[i]))
        seen.push(...data)
        unread = rest
      }
      expect(seen).toEqual(['{"a":1}', '{"b":"x"}', '[DONE]'])
      expect(unread).toBe('')
    }),
  )
})
