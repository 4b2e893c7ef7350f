import { createInterface } from 'node:readline'
import type { PeerReady, PeerRun, PeerTimes } from './peer-api.ts'

/** The loop of a peer's process: says that it is ready, then answers each line of stdin with one line on stdout. Ends with stdin. */
export async function serveLines(ready: PeerReady, run: (request: PeerRun) => Promise<PeerTimes>): Promise<void> {
  process.stdout.write(`${JSON.stringify(ready)}\n`)
  for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${JSON.stringify(await run(JSON.parse(line) as PeerRun))}\n`)
}
