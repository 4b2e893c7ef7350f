import { SHADE_FROM } from '../chat/probability.ts'
import { HEAT_FROM } from '../cluster/heat.ts'

/** What the shades of tokens say. */
export function ShadeLegend() {
  return (
    <p class="legend">
      <span>probability</span>
      {SHADE_FROM.map((from, shade) => (
        <span class={`token s${shade}`} key={shade}>
          {from === 0 ? '< 10 %' : `≥ ${from * 100} %`}
        </span>
      ))}
    </p>
  )
}

/** What the colours of experts say. */
export function HeatLegend() {
  return (
    <p class="legend">
      <span>load of an expert, × its layer's mean</span>
      {HEAT_FROM.map((from, level) => (
        <span class={`swatch h${level}`} key={level}>
          {from}
        </span>
      ))}
    </p>
  )
}
