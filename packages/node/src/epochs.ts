/**
 * The epochs of a chain as far as this daemon has them: the validators of each, and the block that ended it. Small: one
 * entry for each change of the validators, all of them in memory.
 */
import { assert, type Epoch, type Hash, type Height, type SignKey } from '@wardline/codec'
import {
  type Certificate,
  type Certified,
  type Header,
  headerDigest,
  parseCertificate,
  setHash,
  type ValidatorSet,
  validatorSet
} from '@wardline/consensus'
import {
  chainIdOf,
  type Genesis,
  type ParsedTransaction,
  parseTransaction,
  validatorsOf,
  withChange
} from '@wardline/ledger'
import type { KeyValueStore } from '@wardline/ports'
import { corrupt, keys } from './layout.ts'
import { closingHeight, readBody, readHeader } from './open.ts'

/** The final block that ended an epoch, with its finalization by the validators of that epoch, and what it changed. */
export type Closing = Certified & {
  readonly height: Height
  readonly change: Pick<ParsedTransaction<'validator.change'>['body'], 'action' | 'member' | 'vote'>
}

export type Epochs = {
  /** The validators of the block after the head. */
  present(): ValidatorSet
  /** Those of an epoch that has begun here. */
  setOf(epoch: Epoch): ValidatorSet | undefined
  /** The closing block of the epoch before the present one; null in epoch 0. */
  start(): Certified | null
  /** The closing blocks of all epochs below `epoch`, ascending. */
  closings(epoch: Epoch): readonly Closing[]
  /** Whether a block of the present epoch ends it. */
  isClosing(header: Header): boolean
  /** Takes in the block that ends the present epoch; call when it is in the store. */
  end(header: Header, transactions: readonly ParsedTransaction[], certificate: Certificate): void
}

type Entry = { readonly set: ValidatorSet; readonly hash: Hash }

/** @throws WardlineError `store-corrupt` if a row of a closing block is missing */
export function openEpochs(store: KeyValueStore, genesis: Genesis): Epochs {
  const entries: Entry[] = [entryOf(validatorsOf(genesis))]
  const closings: Closing[] = []
  const last = (): Entry => entries.at(-1) as Entry

  function end(header: Header, transactions: readonly ParsedTransaction[], certificate: Certificate): void {
    const { set } = last()
    const change = transactions.at(-1)
    assert(change?.kind === 'validator.change' && header.epoch === set.epoch, 'a change of validators ends an epoch')
    const { action, member, vote } = change.body
    const next = entryOf(validatorSet((set.epoch + 1) as Epoch, withChange(set.validators, change.body)))
    assert(next.hash === header.nextSetHash, 'the closing block names the next validators')
    closings.push({ header, certificate, height: header.height, change: { action, member, vote } })
    entries.push(next)
  }

  for (;;) {
    const at = closingHeight(store, last().set.epoch)
    if (at === undefined) break
    const header = readHeader(store, at)
    const transactions = readBody(store, headerDigest(header)).map((bytes) => {
      const parsed = parseTransaction(bytes, chainIdOf(genesis))
      if (parsed.kind !== 'ok') throw corrupt('a transaction of a block that ended an epoch cannot be read')
      return parsed.transaction
    })
    const bytes = store.get(keys.certificate(at))
    const certificate = bytes && parseCertificate(bytes)
    if (certificate === undefined) throw corrupt('the finalization of a block that ended an epoch is missing')
    end(header, transactions, certificate)
  }

  return {
    present: () => last().set,
    setOf: (epoch) => entries[epoch]?.set,
    start: () => closings.at(-1) ?? null,
    closings: (epoch) => closings.slice(0, epoch),
    isClosing: (header) => header.nextSetHash !== last().hash,
    end
  }
}

/** The key that `member` votes with in `set`. */
export function voteKeyIn(set: ValidatorSet, member: string): SignKey | undefined {
  return set.validators.find((validator) => validator.member === member)?.key
}

function entryOf(set: ValidatorSet): Entry {
  return { set, hash: setHash(set.validators) }
}
