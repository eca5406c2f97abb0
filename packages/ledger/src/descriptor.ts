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
  const { mediaType, category, labels, fileName } = fieldsOf(bytes) ?? {}
  return {
    ...(isText(mediaType, MEDIA_TYPE_LENGTH_MAX) && { mediaType }),
    ...(isText(category, LABEL_LENGTH_MAX) && { category }),
    ...(isText(fileName, FILE_NAME_LENGTH_MAX) && { fileName }),
    ...(isLabels(labels) && { labels })
  }
}

/**
 * What a fence holds against its excluded labels: the labels and the category. Undefined where they, or the descriptor, have
 * another shape than expected: nothing may be left out then, for a reader of another make might see what this one did not.
 */
export function namesOfSubject(bytes: Uint8Array): readonly string[] | undefined {
  const fields = fieldsOf(bytes)
  if (fields === undefined) return undefined
  const { labels = [], category } = fields
  if (!isLabels(labels)) return undefined
  if (category === undefined) return labels
  return isText(category, LABEL_LENGTH_MAX) ? [...labels, category] : undefined
}

function fieldsOf(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const value = decodeCbor(bytes)
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  return isMap ? (value as Readonly<Record<string, unknown>>) : undefined
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= lengthMax
}

function isLabels(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= LABELS_MAX && value.every((label) => isText(label, LABEL_LENGTH_MAX))
}
