/** What describes a record, inside its envelope. */
import { type CborValue, decodeCbor, encodeCbor } from '@wardline/codec'

/** What a record is, sealed together with its bytes. */
export type Descriptor = {
  readonly mediaType?: string | undefined
  readonly category?: string | undefined
  readonly labels?: readonly string[] | undefined
  readonly fileName?: string | undefined
}

const MEDIA_TYPE_LENGTH_MAX = 127
const LABEL_LENGTH_MAX = 64
const FILE_NAME_LENGTH_MAX = 255
const LABELS_MAX = 16

export function encodeDescriptor({ mediaType, category, labels, fileName }: Descriptor): Uint8Array {
  const fields: Record<string, CborValue> = {}
  if (mediaType !== undefined) fields['mediaType'] = mediaType
  if (category !== undefined) fields['category'] = category
  if (labels !== undefined) fields['labels'] = labels
  if (fileName !== undefined) fields['fileName'] = fileName
  return encodeCbor(fields)
}

/** What describes a record is the sender's word: whatever has another shape than expected is left out. */
export function readDescriptor(bytes: Uint8Array): Descriptor {
  const value = decodeCbor(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return {}
  const { mediaType, category, labels, fileName } = value as Readonly<Record<string, unknown>>
  return {
    ...(isText(mediaType, MEDIA_TYPE_LENGTH_MAX) && { mediaType }),
    ...(isText(category, LABEL_LENGTH_MAX) && { category }),
    ...(isText(fileName, FILE_NAME_LENGTH_MAX) && { fileName }),
    ...(isLabels(labels) && { labels })
  }
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= lengthMax
}

function isLabels(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= LABELS_MAX && value.every((label) => isText(label, LABEL_LENGTH_MAX))
}
