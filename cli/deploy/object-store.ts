import { createHash } from 'node:crypto'
import { AwsClient } from 'aws4fetch'
import { CliError } from '../errors.ts'
import { Begun, errorCode, Listed, parseAnswer, Parts, Uploads } from './store-answers.ts'

export interface StoredObject {
  readonly bytes: number
  /** Of an object in one piece: the MD5 of its bytes; in parts: the MD5 of the parts' MD5s, a hyphen, the number of parts. */
  readonly etag: string
}

export interface StoredPart {
  /** From 1. */
  readonly part: number
  readonly bytes: number
  readonly etag: string
}

/** R2 through its S3 interface. Every method throws `upload-failed` where the store refuses or cannot be reached. */
export interface ObjectStore {
  head(key: string): Promise<StoredObject | null>
  /** An object of at most `bytesMax`. */
  get(key: string, bytesMax: number): Promise<{ readonly body: Uint8Array; readonly etag: string } | null>
  /** @param onlyOver the ETag that must be there, null: nothing may be there. Null is returned where it is not so. Absent: whatever is there. */
  put(key: string, body: Uint8Array, onlyOver?: string | null): Promise<string | null>
  delete(key: string): Promise<void>
  /** Keys that begin so. */
  list(prefix: string): Promise<string[]>
  /** Uploads of a key that were begun and neither ended nor given up, newest last. */
  uploads(key: string): Promise<string[]>
  beginUpload(key: string): Promise<string>
  parts(key: string, upload: string): Promise<StoredPart[]>
  putPart(key: string, upload: string, part: number, body: Uint8Array): Promise<string>
  /** All parts but the last have one size. */
  endUpload(key: string, upload: string, parts: readonly StoredPart[]): Promise<void>
}

export interface ObjectStoreDeps {
  /** Without the bucket, as https://<account>.r2.cloudflarestorage.com. */
  readonly endpoint: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly fetch: typeof fetch
  wait(ms: number): Promise<void>
}

const TRIES = 5
const WAIT_MS = 500
const REQUEST_MS_MAX = 300_000
const ANSWER_BYTES_MAX = 16 * 1024 * 1024

interface Ask {
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  /** Statuses beside 2xx that are an answer. */
  readonly also?: readonly number[]
}

/** Each body is sent with its checksums (the SHA-256 is signed): what arrives otherwise is refused there, and the ETag that comes back is compared here. SPEC DP6. */
export function createObjectStore({ endpoint, bucket, accessKeyId, secretAccessKey, fetch, wait }: ObjectStoreDeps): ObjectStore {
  const client = new AwsClient({ accessKeyId, secretAccessKey, service: 's3', region: 'auto' })

  /** Tries again what may go away by itself: every request here can be sent twice. */
  async function ask(method: string, key: string, { query = {}, body, headers = {}, also = [] }: Ask = {}): Promise<Response> {
    const url = new URL(`${endpoint}/${bucket}${key === '' ? '' : `/${key.split('/').map(encodeURIComponent).join('/')}`}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    for (let tries = 1; ; tries++) {
      const failed = await send(method, url, headers, body, also)
      if (failed instanceof Response) return failed
      if (!failed.passing || tries === TRIES) throw new CliError('upload-failed', `${method} ${key || bucket}: ${failed.reason}`)
      await wait(WAIT_MS * 2 ** tries)
    }
  }

  async function send(method: string, url: URL, headers: Ask['headers'], body: Uint8Array | undefined, also: readonly number[]): Promise<Response | Failed> {
    const request = await client.sign(url, {
      method,
      headers: { ...headers, ...checksums(body) },
      ...(body && { body: body as Uint8Array<ArrayBuffer> }),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    })
    try {
      const response = await fetch(request)
      if (response.ok || also.includes(response.status)) return response
      const reason = `status ${response.status} ${errorCode(await response.text())}`.trim()
      return { reason, passing: response.status === 429 || response.status >= 500 }
    } catch (error) {
      return { reason: String((error as Error).cause ?? error), passing: true }
    }
  }

  /** Lists come in pages. `next` gives the query of the page after this one, null after the last. */
  async function pages<T>(key: string, query: Ask['query'], read: (xml: string) => { items: readonly T[]; next: Ask['query'] | null }): Promise<T[]> {
    const all: T[] = []
    for (let more: Ask['query'] | null = {}; more !== null;) {
      const page = read(await text(await ask('GET', key, { query: { ...query, ...more } })))
      all.push(...page.items)
      more = page.next ?? null
    }
    return all
  }

  /** What is not there may be the bucket. */
  function requireBucket(refusal: string): null {
    if (errorCode(refusal) !== 'NoSuchBucket') return null
    throw new CliError('upload-failed', `there is no bucket ${bucket}: make it with npx wrangler r2 bucket create ${bucket}`)
  }

  return {
    async head(key) {
      const response = await ask('HEAD', key, { also: [404] })
      return response.status === 404 ? null : { bytes: Number(response.headers.get('content-length')), etag: etagOf(response) }
    },
    async get(key, bytesMax) {
      const response = await ask('GET', key, { also: [404] })
      if (response.status === 404) return requireBucket(await response.text())
      if (!(Number(response.headers.get('content-length') ?? NaN) <= bytesMax)) throw new CliError('upload-failed', `${key} has more than ${bytesMax} bytes`)
      return { body: new Uint8Array(await response.arrayBuffer()), etag: etagOf(response) }
    },
    async put(key, body, onlyOver) {
      const headers = onlyOver === undefined ? {} : onlyOver === null ? { 'if-none-match': '*' } : { 'if-match': `"${onlyOver}"` }
      const response = await ask('PUT', key, { body, headers, also: [412] })
      if (response.status === 412) return null
      return checked(key, body, etagOf(response))
    },
    async delete(key) {
      await ask('DELETE', key, { also: [404] })
    },
    list: (prefix) =>
      pages('', { 'list-type': '2', prefix }, (xml) => {
        const { Contents, NextContinuationToken } = parseAnswer(xml, Listed).ListBucketResult
        return { items: Contents.map(({ Key }) => Key), next: NextContinuationToken === undefined ? null : { 'continuation-token': NextContinuationToken } }
      }),
    async uploads(key) {
      const found = await pages('', { uploads: '', prefix: key }, (xml) => {
        const { Upload, IsTruncated, NextKeyMarker, NextUploadIdMarker } = parseAnswer(xml, Uploads).ListMultipartUploadsResult
        const next = IsTruncated === 'true' ? { 'key-marker': NextKeyMarker ?? '', 'upload-id-marker': NextUploadIdMarker ?? '' } : null
        return { items: Upload.filter(({ Key }) => Key === key), next }
      })
      return found.toSorted((a, b) => (a.Initiated < b.Initiated ? -1 : 1)).map(({ UploadId }) => UploadId)
    },
    async beginUpload(key) {
      return parseAnswer(await text(await ask('POST', key, { query: { uploads: '' } })), Begun).InitiateMultipartUploadResult.UploadId
    },
    parts: (key, upload) =>
      pages(key, { uploadId: upload }, (xml) => {
        const { Part, IsTruncated, NextPartNumberMarker } = parseAnswer(xml, Parts).ListPartsResult
        return {
          items: Part.map(({ PartNumber, Size, ETag }) => ({ part: PartNumber, bytes: Size, etag: unquoted(ETag) })),
          next: IsTruncated === 'true' ? { 'part-number-marker': NextPartNumberMarker ?? '' } : null,
        }
      }),
    async putPart(key, upload, part, body) {
      return checked(key, body, etagOf(await ask('PUT', key, { query: { partNumber: String(part), uploadId: upload }, body })))
    },
    async endUpload(key, upload, parts) {
      const list = parts.map(({ part, etag }) => `<Part><PartNumber>${part}</PartNumber><ETag>"${etag}"</ETag></Part>`).join('')
      const body = new TextEncoder().encode(`<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`)
      // 404: an answer was lost and it is ended already; what is there is compared by who uploads. S3 may say 200 and mean an error.
      const answer = await text(await ask('POST', key, { query: { uploadId: upload }, body, also: [404] }))
      if (errorCode(answer) !== '' && errorCode(answer) !== 'NoSuchUpload') throw new CliError('upload-failed', `POST ${key}: ${errorCode(answer)}`)
    },
  }
}

interface Failed {
  readonly reason: string
  /** It may go away by itself. */
  readonly passing: boolean
}

export function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}

function checksums(body: Uint8Array | undefined): Record<string, string> {
  const sha256 = createHash('sha256')
    .update(body ?? '')
    .digest('hex')
  if (!body) return { 'x-amz-content-sha256': sha256 }
  return { 'x-amz-content-sha256': sha256, 'content-md5': createHash('md5').update(body).digest('base64') }
}

function checked(key: string, body: Uint8Array, etag: string): string {
  if (etag === md5(body)) return etag
  throw new CliError('upload-failed', `${key}: what was stored has the checksum ${etag}, what was sent ${md5(body)}`)
}

async function text(response: Response): Promise<string> {
  if (Number(response.headers.get('content-length')) > ANSWER_BYTES_MAX) throw new CliError('upload-failed', 'the store answered more than there can be')
  return response.text()
}

function etagOf(response: Response): string {
  return unquoted(response.headers.get('etag') ?? '')
}

function unquoted(etag: string): string {
  return etag.replaceAll(/^(W\/)?"|"$/g, '')
}
