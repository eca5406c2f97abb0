/** What holds a record's bytes against its anchor. It lies beside them, and tells what kind of record they are. */
import { type ChainId, type Hash, isHex32, type RecordId } from '@wardline/codec'
import { CommandFailure, EXIT } from './exit.ts'
import { readText, writeNew } from './files.ts'

export type Proof = {
  readonly chain: ChainId
  readonly record: RecordId
  /** Base64, as `descriptorBytes`. */
  readonly salt: string
  readonly descriptorBytes: string
  readonly commitment: Hash
}

export function proofPath(file: string): string {
  return `${file}.wardline`
}

export async function writeProof(
  path: string,
  { chain, record, salt, descriptorBytes, commitment }: Proof
): Promise<void> {
  await writeNew(path, `${JSON.stringify({ chain, record, salt, descriptorBytes, commitment })}\n`, 0o600)
}

export async function readProof(path: string): Promise<Proof> {
  const proof = parsed(await readText(path))
  const { chain, record, commitment, salt, descriptorBytes } = proof
  const names = [chain, record, commitment]
  if (names.every((name) => typeof name === 'string' && isHex32(name)) && [salt, descriptorBytes].every(isText)) {
    return proof as Proof
  }
  throw proofUnreadable(path)
}

export function proofUnreadable(path: string): CommandFailure {
  return new CommandFailure(EXIT.error, 'proof-unreadable', `${path} is no proof of an anchored record.`)
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
