import { XMLParser } from 'fast-xml-parser'
import { z } from 'zod'
import { CliError } from '../errors.ts'

const ARRAYS = new Set(['Contents', 'Upload', 'Part'])
const parser = new XMLParser({ parseTagValue: false, isArray: (name) => ARRAYS.has(name) })

/** An element without children reads as an empty string. */
function element<T extends z.ZodRawShape>(shape: T) {
  return z.preprocess((value) => (value === '' ? {} : value), z.object(shape))
}

const Refused = z.object({ Error: z.object({ Code: z.string() }) })
export const Begun = z.object({ InitiateMultipartUploadResult: element({ UploadId: z.string().min(1) }) })
export const Listed = z.object({
  ListBucketResult: element({ Contents: z.array(z.object({ Key: z.string() })).default([]), NextContinuationToken: z.string().optional() }),
})
export const Uploads = z.object({
  ListMultipartUploadsResult: element({
    Upload: z.array(z.object({ Key: z.string(), UploadId: z.string(), Initiated: z.string() })).default([]),
    IsTruncated: z.string().optional(),
    NextKeyMarker: z.string().optional(),
    NextUploadIdMarker: z.string().optional(),
  }),
})
export const Parts = z.object({
  ListPartsResult: element({
    Part: z.array(z.object({ PartNumber: z.coerce.number(), Size: z.coerce.number(), ETag: z.string() })).default([]),
    IsTruncated: z.string().optional(),
    NextPartNumberMarker: z.string().optional(),
  }),
})

/** Reads an answer in XML. Throws `upload-failed` where it is not as it should be. */
export function parseAnswer<T>(xml: string, schema: z.ZodType<T>): T {
  const answer = schema.safeParse(read(xml))
  if (answer.success) return answer.data
  throw new CliError('upload-failed', `the store answered what cannot be read: ${answer.error.issues[0]!.path.join('.')}`)
}

/** The code of a refusal; empty where it is none. */
export function errorCode(xml: string): string {
  return Refused.safeParse(read(xml)).data?.Error.Code ?? ''
}

/** Null where it is no XML, as a proxy's page may be: the caller's schema then refuses it. */
function read(xml: string): unknown {
  try {
    return parser.parse(xml)
  } catch {
    return null
  }
}
