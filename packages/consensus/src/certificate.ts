/** Certificates: a quorum of individual signatures over one statement. Individual, because they double as evidence. */
import { type ChainId, limits, type SignKey } from '@wardline/codec'
import { quorum } from './quorum.ts'
import type { ValidatorSet } from './validators.ts'
import { readStatement, SIGNATURE_BYTES, type VoteStatement, voteBytes, writeStatement } from './vote.ts'
import { createReader, createWriter, type Reader, type Writer } from './wire.ts'

/**
 * kind notarize: a notarization of `digest` in `view`; nullify: a nullification of `view`; finalize: a finalization.
 * `signers` are positions in the validator set, ascending, and `signatures[i]` (64 bytes) is that of `signers[i]`.
 */
export type Certificate = VoteStatement & {
  readonly signers: readonly number[]
  readonly signatures: readonly Uint8Array[]
}

/** One signature still to be verified. */
export type SignatureCheck = {
  readonly key: SignKey
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/**
 * The checks that make `certificate` true, or undefined if no signature could: another epoch, signers outside the set or
 * not ascending, or fewer than a quorum.
 */
export function certificateChecks(
  set: ValidatorSet,
  chain: ChainId,
  certificate: Certificate
): readonly SignatureCheck[] | undefined {
  if (!hasQuorumForm(set, certificate)) return undefined
  const message = voteBytes(certificate.kind, chain, certificate.epoch, certificate.view, certificate.digest)
  const checks: SignatureCheck[] = []
  for (const [at, signer] of certificate.signers.entries()) {
    const validator = set.validators[signer]
    const signature = certificate.signatures[at]
    if (validator === undefined || signature === undefined) return undefined
    checks.push({ key: validator.key, message, signature })
  }
  return checks
}

/** Everything about a certificate but its signatures. */
export function hasQuorumForm(set: ValidatorSet, certificate: Certificate): boolean {
  const { signers, signatures } = certificate
  if (certificate.epoch !== set.epoch || signers.length !== signatures.length) return false
  if (signers.length < quorum(set.validators.length)) return false
  let previous = -1
  for (const signer of signers) {
    if (!Number.isInteger(signer) || signer <= previous || signer >= set.validators.length) return false
    previous = signer
  }
  return true
}

/** Whether `certificate` holds a quorum and **every** signature listed in it is valid. */
export async function verifyCertificate(
  set: ValidatorSet,
  chain: ChainId,
  certificate: Certificate,
  verify: (key: SignKey, message: Uint8Array, signature: Uint8Array) => Promise<boolean>
): Promise<boolean> {
  const checks = certificateChecks(set, chain, certificate)
  if (checks === undefined) return false
  const results = await Promise.all(checks.map((check) => verify(check.key, check.message, check.signature)))
  return results.every((valid) => valid)
}

/** `verifyCertificate` for offline tools: without waiting. */
export function verifyCertificateSync(
  set: ValidatorSet,
  chain: ChainId,
  certificate: Certificate,
  verify: (key: SignKey, message: Uint8Array, signature: Uint8Array) => boolean
): boolean {
  const checks = certificateChecks(set, chain, certificate)
  return checks?.every((check) => verify(check.key, check.message, check.signature)) ?? false
}

/** `writeCertificate` as bytes of its own. */
export function encodeCertificate(certificate: Certificate): Uint8Array {
  const writer = createWriter(certificateBytes(certificate))
  writeCertificate(writer, certificate)
  return writer.done()
}

/** @returns undefined for anything but the one encoding of a certificate; whether it is valid is another question */
export function parseCertificate(bytes: Uint8Array): Certificate | undefined {
  const reader = createReader(bytes)
  const certificate = readCertificate(reader)
  return reader.complete() ? certificate : undefined
}

const BITMAP_BYTES_MAX = limits.validatorsMax / 8

/** The encoded size of `certificate`, bytes. */
export function certificateBytes(certificate: Certificate): number {
  return 50 + bitmapBytes(certificate) + certificate.signatures.length * SIGNATURE_BYTES
}

/** statement(49) bitmapBytes(1) bitmap signatures(64 each). Bit i of the bitmap is bit `i & 7` of byte `i >> 3`. */
export function writeCertificate(writer: Writer, certificate: Certificate): void {
  writeStatement(writer, certificate)
  const bitmap = new Uint8Array(bitmapBytes(certificate))
  for (const signer of certificate.signers) bitmap[signer >> 3] = (bitmap[signer >> 3] ?? 0) | (1 << (signer & 7))
  writer.u8(bitmap.length)
  writer.bytes(bitmap)
  for (const signature of certificate.signatures) writer.bytes(signature)
}

/** Accepts one encoding only: the bitmap is as short as its highest signer allows and never empty. */
export function readCertificate(reader: Reader): Certificate {
  const statement = readStatement(reader)
  const bitmapSize = reader.u8()
  if (bitmapSize < 1 || bitmapSize > BITMAP_BYTES_MAX) reader.fail()
  const bitmap = reader.bytes(bitmapSize)
  if (bitmap[bitmap.length - 1] === 0) reader.fail()
  const signers: number[] = []
  for (let i = 0; i < bitmap.length * 8; i++) if (((bitmap[i >> 3] as number) >> (i & 7)) & 1) signers.push(i)
  if (signers.length * SIGNATURE_BYTES > reader.remaining()) reader.fail()
  const signatures = reader.ok() ? signers.map(() => reader.bytes(SIGNATURE_BYTES)) : []
  return { ...statement, signers, signatures }
}

function bitmapBytes(certificate: Certificate): number {
  return ((certificate.signers.at(-1) ?? 0) >> 3) + 1
}
