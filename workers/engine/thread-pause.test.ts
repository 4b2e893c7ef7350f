import { expect, it } from 'vitest'
import { createThreadPause } from './thread-pause.ts'

it('[SC6] sets a timer, works on, and waits for it once it is due: one pause in five milliseconds', async () => {
  let nowMs = 1000
  const log: string[] = []
  const pause = createThreadPause({ nowMs: () => nowMs, wait: async () => void log.push(`set at ${nowMs}`) })
  for (; nowMs < 1011; nowMs++) {
    const due = pause()
    if (!due) continue
    await due
    log.push(`waited at ${nowMs}`)
  }
  expect(log).toEqual(['set at 1000', 'waited at 1002', 'set at 1005', 'waited at 1007', 'set at 1010'])
})
