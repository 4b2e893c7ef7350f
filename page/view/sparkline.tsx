const WIDTH = 180
const HEIGHT = 36
/** Values that the line has room for; fewer begin at the right. */
const COUNT = 90

/** The last minute and a half as a line, from nothing to the greatest of its values. */
export function Sparkline({ values }: { readonly values: readonly number[] }) {
  const shown = values.slice(-COUNT)
  const top = Math.max(1, ...shown)
  const x = (i: number) => WIDTH - ((shown.length - 1 - i) * WIDTH) / (COUNT - 1)
  const y = (value: number) => HEIGHT - 1 - (value / top) * (HEIGHT - 2)
  const line = shown.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`)
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {line.length > 1 && <polygon points={`${x(0).toFixed(1)},${HEIGHT} ${line.join(' ')} ${WIDTH},${HEIGHT}`} />}
      {line.length > 1 && <polyline points={line.join(' ')} />}
    </svg>
  )
}
