import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { md5 } from '../object-store.ts'

/** What a test may make go wrong. Each gets the key, and the part where it is one. */
export interface R2Faults {
  /** The connection ends in the middle of the body. */
  cut?: (key: string, part: number | null) => boolean
  /** A byte changes after the checksums were compared. */
  rot?: (key: string, part: number | null) => boolean
  /** A byte changes on the way. */
  garble?: (key: string, part: number | null) => boolean
  /** Answered instead of doing it. */
  status?: (method: string, key: string) => number | null
}

interface Upload {
  readonly key: string
  readonly parts: Map<number, Buffer>
}

/** The part of R2's S3 interface that a deployment uses, over HTTP: objects in memory, lists in pages of two, checksums compared. */
export class FakeR2 {
  readonly objects = new Map<string, { readonly body: Buffer; readonly etag: string }>()
  readonly uploads = new Map<string, Upload>()
  /** `PUT key#part`, in order. */
  readonly sent: string[] = []
  faults: R2Faults = {}
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  async start(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://r2')
    const [, bucket, ...rest] = decodeURIComponent(url.pathname).split('/')
    const key = rest.join('/')
    const part = url.searchParams.has('partNumber') ? Number(url.searchParams.get('partNumber')) : null
    if (this.faults.cut?.(key, part)) {
      request.once('data', () => request.destroy())
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const end = (status: number, body: string | Buffer = '', headers: Record<string, string> = {}) => response.writeHead(status, headers).end(body)
    const refuse = (status: number, code: string) => end(status, request.method === 'HEAD' ? '' : `<Error><Code>${code}</Code></Error>`)
    const status = this.faults.status?.(request.method!, key)
    if (status) return void refuse(status, 'Fault')
    if (bucket !== 'packs') return void refuse(404, 'NoSuchBucket')
    if (!/^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/auto\/s3\/aws4_request, /.test(request.headers.authorization ?? '')) return void refuse(403, 'AccessDenied')
    let body: Buffer = Buffer.concat(chunks)
    if (this.faults.garble?.(key, part)) body = rotten(body)
    if (request.headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex')) return void refuse(400, 'XAmzContentSHA256Mismatch')
    if (this.faults.rot?.(key, part)) body = rotten(body)
    const reply = this.#serve(request, key, url.searchParams, body)
    end(reply.status, request.method === 'HEAD' ? '' : reply.body, reply.headers)
  }

  #serve(
    request: IncomingMessage,
    key: string,
    query: URLSearchParams,
    body: Buffer,
  ): { status: number; body: string | Buffer; headers?: Record<string, string> } {
    const xml = (text: string) => ({ status: 200, body: `<?xml version="1.0"?>${text}` })
    const missing = (code: string) => ({ status: 404, body: `<Error><Code>${code}</Code></Error>` })
    const stored = this.objects.get(key)
    const upload = this.uploads.get(query.get('uploadId') ?? '')
    if (query.has('uploadId') && upload?.key !== key) return missing('NoSuchUpload')
    if (request.method === 'PUT') this.sent.push(`PUT ${key}${query.has('partNumber') ? `#${query.get('partNumber')}` : ''}`)
    if (request.method === 'PUT' && upload) {
      upload.parts.set(Number(query.get('partNumber')), body)
      return { status: 200, body: '', headers: { etag: `"${md5(body)}"` } }
    }
    if (request.method === 'PUT') {
      const match = request.headers['if-match']
      if ((request.headers['if-none-match'] === '*' && stored) || (match !== undefined && match !== `"${stored?.etag}"`)) return { status: 412, body: '' }
      this.objects.set(key, { body, etag: md5(body) })
      return { status: 200, body: '', headers: { etag: `"${md5(body)}"` } }
    }
    if (request.method === 'POST' && upload) {
      const listed = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>"(\w+)"<\/ETag>/g)]
      const parts = listed.map(([, number, etag]) => ({ bytes: upload.parts.get(Number(number)), etag }))
      if (parts.some(({ bytes, etag }) => !bytes || md5(bytes) !== etag)) return { status: 400, body: '<Error><Code>InvalidPart</Code></Error>' }
      const sums = Buffer.concat(parts.map(({ etag }) => Buffer.from(etag!, 'hex')))
      this.objects.set(key, { body: Buffer.concat(parts.map(({ bytes }) => bytes!)), etag: `${md5(sums)}-${parts.length}` })
      this.uploads.delete(query.get('uploadId')!)
      return xml('<CompleteMultipartUploadResult/>')
    }
    if (request.method === 'POST') {
      const id = `upload-${this.uploads.size + 1}`
      this.uploads.set(id, { key, parts: new Map() })
      return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
    }
    if (request.method === 'GET' && upload) {
      const after = Number(query.get('part-number-marker') ?? 0)
      const rest = [...upload.parts].toSorted(([a], [b]) => a - b).filter(([number]) => number > after)
      const page = rest.slice(0, 2).map(([n, b]) => `<Part><PartNumber>${n}</PartNumber><Size>${b.length}</Size><ETag>&quot;${md5(b)}&quot;</ETag></Part>`)
      const more = rest.length > 2 ? `<IsTruncated>true</IsTruncated><NextPartNumberMarker>${rest[1]![0]}</NextPartNumberMarker>` : ''
      return xml(`<ListPartsResult>${page.join('')}${more}</ListPartsResult>`)
    }
    if (request.method === 'GET' && query.has('uploads')) {
      const found = [...this.uploads].filter(([, { key: of }]) => of.startsWith(query.get('prefix')!))
      const rows = found.map(([id, { key: of }], i) => `<Upload><Key>${of}</Key><UploadId>${id}</UploadId><Initiated>2026-01-0${i + 1}</Initiated></Upload>`)
      return xml(`<ListMultipartUploadsResult>${rows.join('')}</ListMultipartUploadsResult>`)
    }
    if (request.method === 'GET' && query.has('list-type')) {
      const after = query.get('continuation-token') ?? ''
      const rest = [...this.objects.keys()].filter((name) => name.startsWith(query.get('prefix')!) && name > after).toSorted()
      const more = rest.length > 2 ? `<NextContinuationToken>${rest[1]}</NextContinuationToken>` : ''
      return xml(`<ListBucketResult>${rest.slice(0, 2).map((name) => `<Contents><Key>${name}</Key></Contents>`)}${more}</ListBucketResult>`)
    }
    if (request.method === 'DELETE') {
      this.objects.delete(key)
      return { status: 204, body: '' }
    }
    if (!stored) return missing('NoSuchKey')
    return { status: 200, body: stored.body, headers: { etag: `"${stored.etag}"`, 'content-length': String(stored.body.length) } }
  }
}

function rotten(body: Buffer): Buffer {
  const other = Buffer.from(body)
  if (other.length > 0) other[0]! ^= 1
  return other
}
