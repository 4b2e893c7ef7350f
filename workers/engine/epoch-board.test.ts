import fc from 'fast-check'
import { expect, it } from 'vitest'
import { settled } from '../../test/fixtures/hand-wound-timer.ts'
import { createEpochBoard } from './epoch-board.ts'

const never = new Promise<void>(() => undefined)
const table = (epoch: number) => ({ epoch, hosts: ['expert-00'], base: [], layers: [] })

const arbAct = fc.oneof(
  fc.constant({ kind: 'begin' as const }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('adopt' as const), epoch: fc.integer({ min: 1, max: 12 }) }),
)

it('[EL3] [EL4] steps begin on the newest table; an older one is kept while a step runs on it or on an older one, and drains then', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbAct, { maxLength: 60 }), async (acts) => {
      const open = new Set<number>()
      const board = createEpochBoard(table(3), {
        open: ({ epoch }) => {
          open.add(epoch)
          return epoch
        },
        close: (epoch) => expect(open.delete(epoch)).toBe(true),
      })
      const steps: ReturnType<typeof board.begin>[] = []
      const adopted = [3]
      const drained = new Set<number>()
      for (let epoch = 1; epoch <= 12; epoch++) void board.drained(epoch).then(() => drained.add(epoch))
      for (const act of acts) {
        if (act.kind === 'begin') steps.push(board.begin())
        else if (act.kind === 'end' && steps.length > 0) board.end(steps.splice(act.which % steps.length, 1)[0]!)
        else if (act.kind === 'adopt') {
          const changed = board.changed(never)
          board.adopt(table(act.epoch))
          if (act.epoch > Math.max(...adopted)) {
            adopted.push(act.epoch)
            await changed
          }
        }
        const newest = Math.max(...adopted)
        const oldest = Math.min(newest, ...steps.map(({ placement }) => placement.epoch))
        expect(board.newest().placement.epoch).toBe(newest)
        expect(board.oldest()).toBe(oldest)
        expect(Array.from(open)).toEqual(adopted.filter((epoch) => epoch >= oldest))
        await settled()
        for (let epoch = 1; epoch <= oldest; epoch++) expect(drained).toContain(epoch)
        for (let epoch = newest + 1; epoch <= 12; epoch++) expect(drained).not.toContain(epoch)
      }
      // What has drained stays so: a step never begins on an older table.
      for (const epoch of drained) expect(board.oldest()).toBeGreaterThanOrEqual(epoch)
    }),
    { numRuns: 60 },
  )
})

it('[FA5] waits for a newer table that end before one comes leave nothing behind', async () => {
  const board = createEpochBoard(table(1), { open: () => null, close: () => undefined })
  for (let i = 0; i < 5; i++) await board.changed(Promise.resolve())
  expect(board.waiting()).toBe(0)
  const changed = board.changed(never)
  expect(board.waiting()).toBe(1)
  board.adopt(table(2))
  await changed
  expect(board.waiting()).toBe(0)
})
