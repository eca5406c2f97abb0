/**
 * How a receipt leads from the genesis, which names the validators of epoch 0, to those of a later epoch: by the closing block
 * of every epoch before, each with its finalization by the validators of its epoch and with what it changed of them.
 *
 * A receipt that ends in epoch 0 has version 1 and says nothing of epochs; any other has version 2. Either format is frozen:
 * what was written once is read by every later version of this program, byte for byte.
 */
import { arrayOf, epoch, limits, type MemberId, mapOf, nullable, oneOf, type Read, type SignKey } from '@wardline/codec'
import {
  type Certificate,
  type Header,
  setHash,
  type ValidatorSet,
  validatorSet,
  verifyCertificateSync
} from '@wardline/consensus'
import { verifySignature } from '@wardline/crypto'
import { certificateJson, certificateOf, headerJson, readCertificate, readHeaderJson } from './finality-json.ts'
import { chainIdOf, type Genesis, validatorsOf } from './genesis.ts'
import { VALIDATOR_ACTIONS, type ValidatorChange, withChange } from './membership/validator-change.ts'
import { hex32 } from './problem.ts'

/** The block that ended an epoch, with its finalization by the validators of that epoch, and what it changed of them. */
export type ReceiptEpoch = {
  readonly header: Header
  readonly certificate: Certificate
  readonly change: Pick<ValidatorChange, 'action' | 'member' | 'vote'>
}

/** The version of a receipt with these ends of epochs. */
export function versionOf(epochs: readonly ReceiptEpoch[]): 1 | 2 {
  return epochs.length === 0 ? 1 : 2
}

/** The field of a receipt's JSON; none where there is nothing to say. */
export function epochsJson(epochs: readonly ReceiptEpoch[]) {
  if (epochs.length === 0) return {}
  return {
    epochs: epochs.map(({ header, certificate, change: { action, member, vote } }) => ({
      header: headerJson(header),
      certificate: certificateJson(certificate),
      change: { action, member, vote }
    }))
  }
}

/** More than a receipt's text has room for. */
const EPOCHS_MAX = 1024

export const readEpochs = arrayOf(
  mapOf({
    header: readHeaderJson,
    certificate: readCertificate,
    change: mapOf({
      action: oneOf(...VALIDATOR_ACTIONS),
      member: hex32<MemberId>,
      vote: nullable(hex32<SignKey>)
    })
  }),
  1,
  EPOCHS_MAX
)

export function epochsOf(read: Read<typeof readEpochs> | undefined): readonly ReceiptEpoch[] {
  return (read ?? []).map(({ header, certificate, change }) => ({
    header,
    certificate: certificateOf(header, certificate),
    change
  }))
}

export type EpochFailure = 'epochs-broken' | 'epoch-not-final'

/** The validators that the ends of epochs lead to from those of the genesis; every end lies below `height`. */
export function lastSet(
  epochs: readonly ReceiptEpoch[],
  height: number,
  genesis: Genesis
): ValidatorSet | EpochFailure {
  const chain = chainIdOf(genesis)
  let set = validatorsOf(genesis)
  let below = 0
  for (const { header, certificate, change } of epochs) {
    if (header.chain !== chain || header.epoch !== set.epoch || header.height <= below) return 'epochs-broken'
    if (!isClosing(header, set) || !isFinalizationOf(certificate, header, set)) return 'epochs-broken'
    if (!verifyCertificateSync(set, chain, certificate, verifySignature)) return 'epoch-not-final'
    const validators = withChange(set.validators, change)
    if (validators.length < 1 || validators.length > limits.validatorsMax) return 'epochs-broken'
    const next = validatorSet(epoch(set.epoch + 1), validators)
    if (header.nextSetHash !== setHash(next.validators)) return 'epochs-broken'
    set = next
    below = header.height
  }
  return below < height ? set : 'epochs-broken'
}

/** A block is finalized in its own view; one that ends its epoch also in a later one, in which it was proposed again. */
export function isFinalizationOf(certificate: Certificate, header: Header, set: ValidatorSet): boolean {
  if (certificate.epoch !== header.epoch) return false
  return certificate.view === header.view || (certificate.view > header.view && isClosing(header, set))
}

function isClosing(header: Header, set: ValidatorSet): boolean {
  return header.nextSetHash !== setHash(set.validators)
}
