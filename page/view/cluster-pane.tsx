import { useSignal } from '@preact/signals'
import type { ClusterStore } from '../cluster/cluster-store.ts'
import { Figures } from './figures.tsx'
import { HeatMap } from './heat-map.tsx'
import { HostColumns } from './host-columns.tsx'
import { HeatLegend } from './legends.tsx'
import type { ExpertAt } from './expert-at.ts'
import { Readout } from './readout.tsx'
import { ScaleEvents } from './scale-events.tsx'

/** The cluster as it is now. What is pointed at in one board is marked in the other. */
export function ClusterPane({ cluster }: { readonly cluster: ClusterStore }) {
  const pointed = useSignal<ExpertAt | null>(null)
  const view = cluster.view.value
  const failure = cluster.failure.value
  return (
    <section class="pane cluster" aria-labelledby="cluster-title">
      <div class="pane-head">
        <h2 id="cluster-title">Cluster</h2>
        {view && <p class="note">{view.policyEnabled === null ? '' : view.policyEnabled ? 'scales by itself' : 'scales by hand only'}</p>}
      </div>
      {failure && (
        <p class="error" role="alert">
          <code>{failure.code}</code> {failure.message}
          {view && ' What is shown is the last that was known.'}
        </p>
      )}
      {view?.autoscalerError && (
        <p class="error" role="alert">
          The autoscaler does not answer: <code>{view.autoscalerError.code}</code> {view.autoscalerError.message}
        </p>
      )}
      {view && (
        <>
          <Figures view={view} rates={cluster.rates.value} />
          <h3>Hosts and the experts they hold</h3>
          <HostColumns hosts={view.hosts} pointed={pointed} />
          {view.layers.length > 0 && (
            <>
              <div class="map-head">
                <h3 id="map-title">Load by layer and expert</h3>
                <HeatLegend />
              </div>
              <HeatMap layers={view.layers} pointed={pointed} labelledBy="map-title" />
              <Readout layers={view.layers} pointed={pointed.value} />
            </>
          )}
        </>
      )}
      <ScaleEvents log={cluster.log.value} />
    </section>
  )
}
