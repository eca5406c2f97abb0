/**
 * I5: every final block has a certificate that follows from the genesis alone, and none with one bit changed is accepted; the
 * last block of every epoch has one of its own, by the validators of that epoch.
 * The checker reads certificates from their bytes and counts by itself; of the product it asks the signature rule, and
 * whether it refuses what the checker has spoilt.
 */
import type { SignKey } from '@wardline/codec'
import { parseCertificate, type ValidatorSet, verifyCertificateSync } from '@wardline/consensus'
import type { Prng } from '@wardline/network-memory'
import type { Report, Watch } from '../watch.ts'
import { CERTIFICATE_PREFIX, HEADER_PREFIX, readBlockHeader } from './bytes.ts'
import type { Epochs } from './epochs.ts'

export type Verify = (key: SignKey, message: Uint8Array, signature: Uint8Array) => boolean

export type Certificates = Pick<Watch, 'storeOpened' | 'storeDurable'> & {
  /** At rest: the highest block of each of these nodes, and the last one of each epoch, has a certificate of its own. */
  checkHeads(nodes: readonly string[]): void
  /** Certificates of which a copy with one bit changed was tried. */
  flipped(): number
}

export type CertificatesParts = {
  readonly report: Report
  readonly chain: string
  /** Knows every epoch up to the newest final block. */
  readonly epochs: Epochs
  readonly verify: Verify
  readonly prng: Prng
}

type Wanted = { readonly digest: string; readonly epoch: number }

const STATEMENT_BYTES = 49
const SIGNATURE_BYTES = 64
const FINALIZE = 3
/** Out of so many certificates one is tried with a bit changed. */
const CERTIFICATES_PER_FLIP = 12

export function createCertificates({ report, chain, epochs, verify, prng }: CertificatesParts): Certificates {
  const headers = new Map<number, { readonly digest: string; readonly epoch: number }>()
  const good = new Set<string>()
  const heights = new Map<string, number>()
  /** By node, the heights whose block has a certificate of its own there. */
  const certified = new Map<string, Set<number>>()
  let flipped = 0

  /** Undefined if it is the finalization of this block by a quorum; else what is wrong with it. */
  const faultOf = (bytes: Uint8Array, { digest, epoch }: Wanted, check: Verify): string | undefined => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (buffer.length <= STATEMENT_BYTES + 1 || buffer[0] !== FINALIZE) return 'it finalizes nothing'
    if (buffer.readBigUInt64BE(1) !== BigInt(epoch)) return 'it is of another epoch'
    if (buffer.toString('hex', 17, STATEMENT_BYTES) !== digest) return 'it names another block'
    const bitmapBytes = buffer[STATEMENT_BYTES] as number
    const signaturesAt = STATEMENT_BYTES + 1 + bitmapBytes
    const signers: number[] = []
    for (let bit = 0; bit < bitmapBytes * 8; bit++) {
      if (((buffer[STATEMENT_BYTES + 1 + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) signers.push(bit)
    }
    if (bitmapBytes !== ((signers.at(-1) ?? 0) >> 3) + 1) return 'its list of signers is longer than it need be'
    if (buffer.length !== signaturesAt + signers.length * SIGNATURE_BYTES) return 'its size is wrong'
    const voters = epochs.votersIn(epoch) ?? []
    if (voters.length === 0) return 'nobody may vote in its epoch'
    if (signers.length * 3 < voters.length * 2) return `${signers.length} of ${voters.length} are no quorum`
    const message = Buffer.concat([
      Buffer.from('WLC1'),
      Buffer.from([FINALIZE]),
      Buffer.from(chain, 'hex'),
      buffer.subarray(1, STATEMENT_BYTES)
    ])
    for (const [index, signer] of signers.entries()) {
      const key = voters[signer]?.key as SignKey | undefined
      const at = signaturesAt + index * SIGNATURE_BYTES
      if (key === undefined || !check(key, message, buffer.subarray(at, at + SIGNATURE_BYTES)))
        return 'a signature is bad'
    }
    return undefined
  }

  const tryFlipped = (bytes: Uint8Array, height: number, wanted: Wanted): void => {
    const bit = prng.below(bytes.length * 8)
    const spoilt = bytes.slice()
    spoilt[bit >> 3] = (spoilt[bit >> 3] as number) ^ (1 << (bit & 7))
    flipped += 1
    if (faultOf(spoilt, wanted, verify) === undefined)
      report('I5', `bit ${bit} of certificate ${height} matters to nobody`)
    const parsed = parseCertificate(spoilt)
    if (parsed?.kind !== 'finalize' || parsed.digest !== wanted.digest || parsed.epoch !== wanted.epoch) return
    const set = { epoch: wanted.epoch, validators: epochs.votersIn(wanted.epoch) ?? [] } as ValidatorSet
    if (verifyCertificateSync(set, chain as Parameters<typeof verifyCertificateSync>[1], parsed, verify)) {
      report('I5', `certificate ${height} is accepted with bit ${bit} turned over`)
    }
  }

  const noteCertificate = (node: string, height: number, bytes: Uint8Array): void => {
    const header = headers.get(height)
    if (header === undefined) {
      report('I5', `${node} has a certificate for height ${height} and no block`)
      return
    }
    certified.set(node, (certified.get(node) ?? new Set()).add(height))
    const name = `${height} ${Buffer.from(bytes).toString('latin1')}`
    if (good.has(name)) return
    const fault = faultOf(bytes, header, verify)
    if (fault !== undefined) {
      report('I5', `the certificate of block ${height} on ${node}: ${fault}`)
      return
    }
    good.add(name)
    if (prng.chance(1 / CERTIFICATES_PER_FLIP)) tryFlipped(bytes, height, header)
  }

  const note = (node: string, rows: Iterable<readonly [key: string, value: Uint8Array | null]>): void => {
    const found: [number, Uint8Array][] = []
    for (const [key, value] of rows) {
      if (value === null) continue
      if (key.startsWith(HEADER_PREFIX)) {
        const header = readBlockHeader(value)
        if (header === undefined) continue
        headers.set(header.height, header)
        heights.set(node, Math.max(heights.get(node) ?? 0, header.height))
      }
      if (key.startsWith(CERTIFICATE_PREFIX)) found.push([Number(key.slice(CERTIFICATE_PREFIX.length)), value])
    }
    for (const [height, bytes] of found) noteCertificate(node, height, bytes)
  }

  return {
    storeOpened(node, rows) {
      heights.delete(node)
      certified.delete(node)
      note(node, rows)
    },
    storeDurable(node, writes) {
      if (writes.some(({ key }) => key.startsWith(HEADER_PREFIX) || key.startsWith(CERTIFICATE_PREFIX))) {
        note(
          node,
          writes.map(({ key, value }) => [key, value] as const)
        )
      }
    },
    checkHeads(nodes) {
      for (const node of nodes) {
        const wanted = [heights.get(node) ?? 0]
        for (let epoch = 0; epoch < epochs.present(); epoch++) wanted.push(epochs.lastHeight(epoch) ?? 0)
        for (const height of wanted) {
          if (height === 0 || certified.get(node)?.has(height) === true) continue
          report('I5', `${node} is at height ${wanted[0]}, and has no certificate of ${height}`)
        }
      }
    },
    flipped: () => flipped
  }
}
