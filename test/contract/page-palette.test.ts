import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const css = readFileSync(new URL('../../page/page.css', import.meta.url), 'utf8')
const [light, dark] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(
  ([, body]) => new Map([...body!.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name, value]) => [name!, value!])),
)

/** Text and what it stands on. */
const PAIRS = [
  ...['bg', 'panel', 'sunk'].flatMap((ground) => ['ink', 'faint', 'bad', 'good', 'accent'].map((text) => [text, ground] as const)),
  ['on-accent', 'accent'] as const,
  ...[0, 1, 2, 3, 4].map((shade) => ['ink', `s${shade}`] as const),
  ...[0, 1, 2, 3, 4].map((level) => ['on-cool', `h${level}`] as const),
  ...[5, 6, 7].map((level) => ['on-hot', `h${level}`] as const),
]

it.each([
  ['light', light!],
  ['dark', dark!],
])('[LP8] %s: text has a contrast of 4.5 on all that it stands on', (_, colours) => {
  for (const [text, ground] of PAIRS) expect(contrast(colours.get(text)!, colours.get(ground)!), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5)
})

it.each([
  ['light', light!, -1],
  ['dark', dark!, 1],
])('[LP8] %s: heat and shade go one way in lightness, so they are read without colour', (_, colours, direction) => {
  for (const [name, count] of [
    ['h', 8],
    ['s', 5],
  ] as const) {
    const lightness = Array.from({ length: count }, (__, i) => luminance(colours.get(`${name}${i}`)!) * direction)
    expect(lightness).toEqual(lightness.toSorted((a, b) => a - b))
  }
})

/** WCAG 2.2, contrast ratio. */
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].toSorted((x, y) => x - y)
  return (high! + 0.05) / (low! + 0.05)
}

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}
