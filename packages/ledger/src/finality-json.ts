/** Headers and certificates as receipts write them. */
import { arrayOf, epoch, limits, mapOf, type Reader, toHex, uint, view } from '@wardline/codec'
import { type Certificate, encodeHeader, type Header, headerDigest, parseHeader } from '@wardline/consensus'
import { hexOf } from './problem.ts'

const HEADER_HEX_BYTES = 257

export function certificateJson({ epoch: of, view: at, signers, signatures }: Certificate) {
  return { epoch: of, view: at, signers, signatures: signatures.map(toHex) }
}

export function headerJson(header: Header): string {
  return toHex(encodeHeader(header))
}

export const readHeaderJson: Reader<Header> = (value) => {
  const bytes = hexOf(HEADER_HEX_BYTES)(value)
  return bytes === undefined ? undefined : parseHeader(bytes)
}

export const readCertificate = mapOf({
  epoch: uint,
  view: uint,
  signers: arrayOf(uint, 1, limits.validatorsMax),
  signatures: arrayOf(hexOf(64), 1, limits.validatorsMax)
})

/** The finalization that the read fields are of this block. */
export function certificateOf(
  header: Header,
  { epoch: of, view: at, signers, signatures }: NonNullable<ReturnType<typeof readCertificate>>
): Certificate {
  return { kind: 'finalize', epoch: epoch(of), view: view(at), digest: headerDigest(header), signers, signatures }
}
