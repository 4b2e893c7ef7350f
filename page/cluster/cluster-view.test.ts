import { expect, it } from 'vitest'
import { autoscalerState, clusterState, hostStatus, scaleEvent } from '../testing/states.ts'
import { viewCluster } from './cluster-view.ts'

it('[LP4] a host is a column of its replicas, base and extra told apart, layer by layer', () => {
  const { hosts, replicaCount, extraCount } = viewCluster(clusterState(), [])
  expect(hosts.map(({ host }) => host)).toEqual(['expert-00', 'expert-01', 'expert-02'])
  expect(hosts[0]!.layers.map(({ layer, cells }) => [layer, cells.map(({ expert, kind }) => `${expert} ${kind}`)])).toEqual([
    [0, ['0 base', '1 base']],
    [2, ['0 base', '1 base']],
  ])
  expect(hosts[2]!.layers[0]!.cells).toMatchObject([{ layer: 2, expert: 1, kind: 'extra', isNew: false }])
  expect([replicaCount, extraCount]).toEqual([9, 1])
})

it('[LP4] bytes are the engine’s where it is connected, else the autoscaler’s', () => {
  const { hosts } = viewCluster(clusterState(), [])
  expect(hosts.map(({ residentBytes, meanRttMs }) => [residentBytes, meanRttMs])).toEqual([
    [400, 1.5],
    [400, 1.5],
    [100, 1.5],
  ])
  expect(hosts[0]).toMatchObject({ budgetBytes: 1000, faultCount: 1 })
})

it('[LP4] says standby, lost and cold hosts, and shows the engine’s hosts where the autoscaler is lost', () => {
  const idle = hostStatus('expert-01').report!
  const cold = { ...clusterState().hosts[1]!, residentExperts: 0 }
  const hosts = [
    hostStatus('expert-00', { state: 'lost' }),
    hostStatus('expert-01', { report: idle }),
    hostStatus('expert-02', { state: 'standby', report: null }),
  ]
  const state = clusterState({ hosts: [clusterState().hosts[0]!, cold], autoscaler: autoscalerState({ hosts }) })
  expect(viewCluster(state, []).hosts.map((host) => host.state)).toEqual(['lost', 'cold', 'standby'])

  const without = viewCluster(clusterState({ autoscaler: { error: { code: 'host_unavailable', message: 'gone' } } }), [])
  expect(without.hosts.map((host) => host.state)).toEqual(['unknown', 'unknown', 'unknown'])
  expect(without).toMatchObject({ layers: [], autoscalerError: { code: 'host_unavailable' }, policyEnabled: null })
})

it('[LP4] what an event brings is arriving until its epoch is in force, then new in it', () => {
  const early = clusterState({
    autoscaler: autoscalerState({ placement: { ...autoscalerState().placement, epoch: 1, layers: [[[0], [0], [1], [1]], [], [[0], [0], [1], [1]]] } }),
  })
  expect(viewCluster(early, [scaleEvent({ state: 'running' })]).hosts[2]!.layers[0]!.cells).toMatchObject([{ kind: 'arriving', layer: 2, expert: 1 }])
  expect(viewCluster(early, [scaleEvent({ state: 'failed' })]).hosts[2]!.layers).toEqual([])
  expect(viewCluster(clusterState(), [scaleEvent()]).hosts[2]!.layers[0]!.cells).toMatchObject([{ kind: 'extra', isNew: true }])
})

it('[LP4] the map has the layers with experts, hosts of each with the base first', () => {
  const { layers } = viewCluster(clusterState(), [])
  expect(layers.map(({ layer, extraCount }) => [layer, extraCount])).toEqual([
    [0, 0],
    [2, 1],
  ])
  expect(layers[1]!.experts[1]).toMatchObject({ hosts: ['expert-00', 'expert-02'], heat: { pairsPerS: 30, ratio: 3, level: 6 } })
})
