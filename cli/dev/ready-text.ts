import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { DevAccess } from './dev-access.ts'
import type { ProcessStatus } from './local-cluster.ts'
import type { DevOptions } from './run-dev.ts'

/** What `isomoe dev` says once a request can be served: who runs where, what is emulated, and a request that works as it stands. SPEC CL3. */
export function readyText(options: DevOptions, manifest: Manifest, access: DevAccess, processes: readonly ProcessStatus[]): string {
  const url = `http://127.0.0.1:${options.port}`
  const trunk = options.trunk === 'q4' && options.tier !== 'f32' ? ' with trunk q4' : ''
  const hosts = [`${options.hosts} ${options.hosts === 1 ? 'host' : 'hosts'}`]
  if (options.standby > 0) hosts.push(`${options.standby} standby`)
  if (processes.length > 1) hosts.push(`${processes.length} processes`)
  return [
    ...processes.map((process) => `${processLine(process)}\n`),
    ...emulationLines(options),
    ...keyLines(access),
    `ready ${url} ${manifest.name} ${options.tier}${trunk} on ${hosts.join(', ')}\n\n`,
    `  curl -N ${url}/v1/completions ${keyHeader(access)}-H 'content-type: application/json' -d '${requestBody(manifest)}'\n\n`,
  ].join('')
}

/** `process 1, pid 4711: isomoe-engine` */
export function processLine({ process, pid, scripts }: ProcessStatus): string {
  return `process ${process}, pid ${pid}: ${scripts.join(' ')}`
}

/** Nobody shall take a delay that was asked for as the machine's own. */
function emulationLines({ rttMs, hostRate }: DevOptions): string[] {
  return [
    ...(rttMs > 0 ? [`emulated network: at least ${rttMs} ms for each call to a host\n`] : []),
    ...(hostRate === undefined ? [] : [`emulated hosts: at most ${hostRate.toLocaleString('en-US')} weights a second each\n`]),
  ]
}

function keyLines({ keys }: DevAccess): string[] {
  return keys === null ? [] : [`keys of ${keys.path}: ${keys.count} for the API, admin key ${keys.admin ? 'set' : 'not set'}\n`]
}

/** The key itself is known to its owner alone. */
function keyHeader({ keys }: DevAccess): string {
  return keys === null || keys.count === 0 ? '' : '-H "authorization: Bearer $ISOMOE_API_KEY" '
}

/** A pack without a tokenizer takes ids only. */
function requestBody(manifest: Manifest): string {
  const prompt = manifest.tokenizer ? { prompt: 'Once upon a time' } : { prompt: [1, 2, 3], return_token_ids: true }
  return JSON.stringify({ model: manifest.name, ...prompt, max_tokens: 60, stream: true })
}
