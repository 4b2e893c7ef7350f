import fc from 'fast-check'
import { expect, it } from 'vitest'
import { expertSlotBytes } from '../../shared/placement/expert-bytes.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import { createExpertSlots } from './expert-slots.ts'
import type { ExpertSlots, SlotTicket } from './expert-slots.ts'

const BASE = 4096
const SLOT_BYTES = expertSlotBytes(TINY_SPEC, 'q8')

interface Model {
  /** "layer/expert" → address. */
  readonly resident: Map<string, number>
  readonly pins: Set<string>
  readonly tickets: SlotTicket[]
}

const arbRef = fc.tuple(fc.nat(1), fc.nat(3))
const arbOperation = fc.oneof(
  fc.record({ what: fc.constant('take' as const) }),
  fc.record({ what: fc.constantFrom('publish' as const, 'release' as const), ticket: fc.nat(7), ref: arbRef }),
  fc.record({ what: fc.constantFrom('drop' as const, 'pin' as const, 'unpin' as const), ref: arbRef }),
  fc.record({ what: fc.constant('evict' as const), kept: fc.uniqueArray(arbRef, { maxLength: 4, selector: String }) }),
  fc.record({ what: fc.constantFrom('reclaim' as const, 'clear' as const) }),
)
type Operation = typeof arbOperation extends fc.Arbitrary<infer T> ? T : never

it('[RE8] whatever is loaded, pinned, dropped and evicted, accounting is exact, no two experts share bytes, and every free slot can be used', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(SLOT_BYTES - 1), fc.array(arbOperation, { maxLength: 60 }), (count, rest, operations) => {
      const slots = createExpertSlots(TINY_SPEC, 'q8', BASE, count * SLOT_BYTES + rest)
      const model: Model = { resident: new Map(), pins: new Set(), tickets: [] }
      for (const operation of operations) {
        apply(slots, model, operation)
        checkAccounting(slots, model, count)
      }
      const free = count - model.resident.size - model.tickets.length
      for (let i = 0; i < free; i++) model.tickets.push(slots.take()!)
      checkAccounting(slots, model, count)
      expect(slots.take()).toBeNull()
    }),
    { numRuns: 500 },
  )
})

function apply(slots: ExpertSlots, { resident, pins, tickets }: Model, operation: Operation): void {
  switch (operation.what) {
    case 'take': {
      const ticket = slots.take()
      if (ticket) tickets.push(ticket)
      return
    }
    case 'publish': {
      const [ticket] = tickets.splice(operation.ticket % Math.max(1, tickets.length), 1)
      if (!ticket) return
      slots.publish(...operation.ref, ticket)
      const name = operation.ref.join('/')
      if (!resident.has(name)) resident.set(name, ticket.address)
      return slots.release(ticket) // worth nothing by now
    }
    case 'release': {
      const [ticket] = tickets.splice(operation.ticket % Math.max(1, tickets.length), 1)
      if (!ticket) return
      slots.release(ticket)
      return slots.publish(...operation.ref, ticket) // a load that was given up
    }
    case 'drop': {
      pins.delete(operation.ref.join('/'))
      expect(slots.drop(...operation.ref)).toBe(resident.delete(operation.ref.join('/')))
      return
    }
    case 'pin':
      pins.add(operation.ref.join('/'))
      return slots.pin(...operation.ref)
    case 'unpin':
      pins.delete(operation.ref.join('/'))
      return slots.unpin(...operation.ref)
    case 'evict': {
      const kept = new Set(operation.kept.map(String))
      const oldest = Array.from(resident.keys()).find((name) => !pins.has(name) && !kept.has(name.replace('/', ',')))
      expect(slots.evict((layer, expert) => kept.has(`${layer},${expert}`))).toBe(oldest !== undefined)
      if (oldest !== undefined) resident.delete(oldest)
      return
    }
    case 'reclaim':
      slots.reclaim()
      for (const dead of tickets.splice(0)) slots.publish(0, 0, dead)
      return
    case 'clear':
      slots.clear()
      resident.clear()
      pins.clear()
      return
    default:
      return operation satisfies never
  }
}

function checkAccounting(slots: ExpertSlots, { resident, tickets }: Model, count: number): void {
  expect(slots.slotCount).toBe(count)
  expect(slots.residentCount).toBe(resident.size)
  expect(slots.residentBytes).toBe(resident.size * SLOT_BYTES)
  expect(slots.usedBytes).toBe((resident.size + tickets.length) * SLOT_BYTES)
  expect(slots.residents().map((ref) => ref.join('/'))).toEqual(Array.from(resident.keys()).sort())
  for (const [name, address] of resident) {
    const [layer, expert] = name.split('/').map(Number)
    expect(slots.weightsOf(layer!, expert!)?.gate.ptr).toBe(address)
  }
  const addresses = [...resident.values(), ...tickets.map(({ address }) => address)]
  expect(new Set(addresses).size).toBe(addresses.length)
  for (const address of addresses) {
    expect((address - BASE) % SLOT_BYTES).toBe(0)
    expect(address >= BASE && address < BASE + count * SLOT_BYTES).toBe(true)
  }
}
