import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LayerSplit } from './layer-split.ts'

const UNITS = 5

const arbLayer = fc.record({
  speed: fc.array(fc.constantFrom(0.5, 1, 1, 2), { minLength: UNITS, maxLength: UNITS }),
  experts: fc.array(
    fc.record({
      load: fc.integer({ min: 0, max: 1000 }).map((tenths) => tenths / 10),
      units: fc.uniqueArray(fc.nat(UNITS - 1), { minLength: 1, maxLength: 4 }),
    }),
    {
      minLength: 1,
      maxLength: 12,
    },
  ),
})

/** The least possible level of the fullest unit: max over sets of units of what can only go there, over their speed (the linear program's dual). */
function bound(speed: readonly number[], experts: readonly { load: number; units: readonly number[] }[]): number {
  let greatest = 0
  for (let set = 1; set < 1 << UNITS; set++) {
    const speeds = speed.reduce((sum, s, unit) => sum + (set & (1 << unit) ? s : 0), 0)
    const pairs = experts.reduce((sum, { load, units }) => sum + (units.every((unit) => set & (1 << unit)) ? load : 0), 0)
    greatest = Math.max(greatest, pairs / speeds)
  }
  return greatest
}

const splitOf = (speed: readonly number[], experts: readonly { load: number; units: readonly number[] }[]): LayerSplit =>
  new LayerSplit(
    experts.map((e) => e.load),
    Float64Array.from(speed),
    experts.map((e) => e.units),
  )

function check(split: LayerSplit, speed: readonly number[], experts: readonly { load: number; units: readonly number[] }[]): void {
  const total = experts.reduce((sum, { load }) => sum + load, 0)
  const least = bound(speed, experts)
  const level = split.level(split.fullest())
  expect(level).toBeGreaterThanOrEqual(least * (1 - 1e-9))
  expect(level - least).toBeLessThanOrEqual(0.01 * least)
  expect(split.pairs.reduce((sum, pairs) => sum + pairs, 0)).toBeCloseTo(total, 6)
  for (const [expert, { pairs }] of split.experts.entries()) {
    expect(pairs.reduce((sum, share) => sum + share, 0)).toBeCloseTo(experts[expert]!.load, 6)
    expect(Math.min(...pairs)).toBeGreaterThanOrEqual(0)
  }
}

it('[PL10] the split pours every load and comes within 1 % of the least possible level', () => {
  fc.assert(fc.property(arbLayer, ({ speed, experts }) => check(splitOf(speed, experts), speed, experts)))
})

it('[PL10] it does so too after replicas came and went, and a try leaves nothing behind', () => {
  fc.assert(
    fc.property(arbLayer, fc.array(fc.tuple(fc.nat(11), fc.nat(UNITS - 1), fc.boolean()), { maxLength: 20 }), ({ speed, experts }, changes) => {
      const split = splitOf(speed, experts)
      let now = experts
      for (const [index, unit, keep] of changes) {
        const expert = index % experts.length
        const { units } = now[expert]!
        if (units[0] === unit) continue
        const before = { pairs: [...split.pairs], experts: structuredClone(split.experts) }
        const restore = units.includes(unit) ? split.save() : null
        if (units.includes(unit)) split.remove(expert, unit)
        else split.add(expert, unit)
        if (keep || restore === null)
          now = now.map((e, i) => (i !== expert ? e : { ...e, units: units.includes(unit) ? units.filter((u) => u !== unit) : [...units, unit] }))
        else {
          restore()
          expect({ pairs: [...split.pairs], experts: split.experts }).toEqual(before)
        }
        check(split, speed, now)
      }
    }),
  )
})
