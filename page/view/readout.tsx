import type { LayerRow } from '../cluster/layers-view.ts'
import type { ExpertAt } from './expert-at.ts'
import { describeExpert } from './heat-map.tsx'

/** What the boards' colours are in numbers, for the expert that is pointed at or focused. Cells have it as their label, so it is not announced again. */
export function Readout({ layers, pointed }: { readonly layers: readonly LayerRow[]; readonly pointed: ExpertAt | null }) {
  const cell = pointed && layers.find(({ layer }) => layer === pointed.layer)?.experts[pointed.expert]
  return (
    <p class="readout">
      {cell ? describeExpert(cell) : 'Point at an expert, or walk through the map with the arrow keys. A number in a cell counts its replicas.'}
    </p>
  )
}
