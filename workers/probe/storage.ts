import type { ProbeAnswer } from '../../shared/protocol/probe-api.ts'
import { r2Store } from '../r2-store.ts'
import { inTurns, percentile } from './call-times.ts'

const PREFIX = 'isomoe-probe/'
const OBJECT = 'ranges.bin'
const KEY = PREFIX + OBJECT
const PART_BYTES = 16 * 1024 * 1024

/** Writes an object of `bytes` for `readRanges`. */
export async function prepareStorage(bucket: R2Bucket, bytes: number): Promise<ProbeAnswer<'prepare-storage'>> {
  if (bytes <= PART_BYTES) {
    await bucket.put(KEY, new Uint8Array(bytes))
    return { bytes }
  }
  const upload = await bucket.createMultipartUpload(KEY)
  const parts: R2UploadedPart[] = []
  for (let at = 0; at < bytes; at += PART_BYTES) parts.push(await upload.uploadPart(parts.length + 1, new Uint8Array(Math.min(PART_BYTES, bytes - at))))
  await upload.complete(parts)
  return { bytes }
}

export async function cleanStorage(bucket: R2Bucket): Promise<ProbeAnswer<'clean-storage'>> {
  await bucket.delete(KEY)
  return {}
}

/** Reads ranges one behind the other through the object, `inFlight` at a time, part by part as a host does, and drops what comes. */
export async function readRanges(bucket: R2Bucket, rangeBytes: number, inFlight: number, reads: number): Promise<ProbeAnswer<'storage'>> {
  const size = (await bucket.head(KEY))?.size ?? 0
  if (size < rangeBytes) throw new Error(`the object has ${size} bytes, a range ${rangeBytes}`)
  const slots = Math.floor(size / rangeBytes)
  const store = r2Store(bucket, PREFIX)
  const times: number[] = []
  const begin = Date.now()
  await inTurns(reads, inFlight, async (index) => {
    const from = Date.now()
    const body = await store.open(OBJECT, (index % slots) * rangeBytes, rangeBytes)
    if (body === null) throw new Error('the range is not there')
    let got = 0
    for (let part = await body.next(); part !== null; part = await body.next()) got += part.byteLength
    if (got !== rangeBytes) throw new Error(`a range of ${rangeBytes} bytes gave ${got}`)
    times.push(Date.now() - from)
  })
  // A clock of whole milliseconds: less than one is as much as it can tell.
  return { reads, bytesPerS: (reads * rangeBytes * 1000) / Math.max(1, Date.now() - begin), rangeP50Ms: percentile(times, 0.5) }
}
