/** Chains, blocks and transactions. */
import { type Api, ApiError, type Result } from '@wardline/api'
import { type Alias, assert, fromHex, height, type MemberId } from '@wardline/codec'
import { faultsTolerated, quorum } from '@wardline/consensus'
import {
  chargedTo,
  type Mode,
  memberRange,
  type ParsedTransaction,
  readRegistrar,
  readValidators,
  validatorsIn
} from '@wardline/ledger'
import type { Membership, Memberships } from '../membership.ts'
import { refusal } from '../refusal.ts'
import { chainNamed, nameOf, seenBy } from './lookup.ts'
import { answerSubmission, receiptOf } from './submitted.ts'

type Methods = Pick<Api, 'tx.submit' | 'tx.get' | 'chain.list' | 'chain.info' | 'chain.block'>

export function chainMethods(memberships: Memberships): Methods {
  return {
    async 'tx.submit'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const payload = params.payload === undefined ? undefined : new Uint8Array(Buffer.from(params.payload, 'base64'))
      const submission = await member.chain.submit(fromHex(params.transaction), payload)
      return answerSubmission(member, submission, params, signal)
    },

    async 'tx.get'({ chain: name, id, receipt, anchor }, { role }) {
      const member = seenBy(role, chainNamed(memberships, name))
      const { chain } = member
      const outcome = await chain.outcome(id, 0)
      const transaction = chain.query.transaction(id) ?? chain.pending(id)?.transaction
      if (transaction === undefined) {
        // One that ended without a block is forgotten but for how it ended.
        if (outcome?.kind === 'expired') throw refusal('expired')
        if (outcome?.kind === 'refused') throw refusal(outcome.code)
        throw new ApiError('not-found', 'no transaction of that id is final or pending here')
      }
      const place = chain.query.place(id)
      const block = place && chain.query.block(place.height)
      const answer = {
        chain: chain.id,
        id,
        leaf: transaction.leaf,
        kind: transaction.kind,
        author: nameOf(member, chargedTo(transaction)),
        alias: aliasOf(transaction),
        state: outcome?.kind ?? 'accepted',
        code: place === undefined ? (chain.pending(id)?.code ?? null) : null,
        height: place?.height ?? null,
        index: place?.index ?? null,
        timeMs: block?.header.time ?? null,
        expiresMs: transaction.expires,
        sizeBytes: transaction.bytes.length,
        transaction: Buffer.from(transaction.bytes).toString('hex')
      } as const
      const proof = receipt ? await receiptOf(member, id, anchor) : undefined
      return proof === undefined ? answer : { ...answer, receipt: proof }
    },

    async 'chain.list'() {
      return {
        chains: memberships().map(listed)
      }
    },

    async 'chain.info'({ chain: name }) {
      const member = chainNamed(memberships, name)
      const { label, chain } = member
      const head = chain.head()
      const { epoch, view } = chain.status()
      const { validators } = validatorsIn(chain.state)
      let members = 0
      for await (const _ of chain.store.range({ from: `state/${memberRange.from}`, to: `state/${memberRange.to}` }))
        members += 1
      return {
        label,
        chain: chain.id,
        mode: modeOf(member),
        member: chain.self,
        epoch,
        view,
        height: head.height,
        head: head.digest,
        headTimeMs: head.time,
        appHash: head.appHash,
        transactions: head.transactions,
        validators: validators.map((validator) => ({ ...nameOf(member, validator.member), key: validator.key })),
        quorum: quorum(validators.length),
        faultsTolerated: faultsTolerated(validators.length),
        registrars: [nameOf(member, readRegistrar(chain.state))],
        members
      }
    },

    async 'chain.block'({ chain: name, height: wanted, digest }, { role }) {
      const member = seenBy(role, chainNamed(memberships, name))
      const { chain } = member
      const at = digest === undefined ? (wanted ?? chain.head().height) : chain.query.heightOf(digest)
      const block = at === undefined ? undefined : chain.query.block(at)
      if (block === undefined) {
        const why = at === height(0) ? 'height 0 is the genesis, which is no block' : 'the chain has no such block'
        throw new ApiError('not-found', why)
      }
      const { header, transactions } = block
      const covering = await chain.query.certificateFor(header.height)
      const signed = covering && chain.setOf(covering.certificate.epoch)
      return {
        chain: chain.id,
        height: header.height,
        digest: block.digest,
        parent: header.parent,
        epoch: header.epoch,
        view: header.view,
        timeMs: header.time,
        proposer: nameOf(member, header.proposer),
        txRoot: header.txRoot,
        history: header.history,
        appHash: header.appHash,
        nextSetHash: header.nextSetHash,
        transactions: transactions.map((transaction) => ({
          id: transaction.id,
          leaf: transaction.leaf,
          kind: transaction.kind,
          author: nameOf(member, chargedTo(transaction)),
          alias: aliasOf(transaction),
          sizeBytes: transaction.bytes.length
        })),
        certificate: covering && {
          view: covering.certificate.view,
          height: covering.height,
          signers: covering.certificate.signers.map((index) => {
            const validator = signed?.validators[index]
            assert(validator !== undefined, 'a stored certificate names validators')
            return nameOf(member, validator.member)
          })
        }
      }
    }
  }
}

/** A chain in one line. */
export function listed(member: Membership): Result<'chain.list'>['chains'][number] {
  const { label, chain } = member
  const { height: at, digest } = chain.head()
  return {
    label,
    chain: chain.id,
    mode: modeOf(member),
    member: chain.self,
    validator: isValidator(member, chain.self),
    height: at,
    head: digest
  }
}

/** The patient's alias that wrote a transaction; null where a member did. */
function aliasOf({ author }: ParsedTransaction): Alias | null {
  return 'alias' in author ? author.alias : null
}

export function modeOf({ chain }: Membership): Lowercase<Mode> {
  return chain.genesis.mode.toLowerCase() as Lowercase<Mode>
}

export function isValidator({ chain }: Membership, member: MemberId): boolean {
  return readValidators(chain.state).members.includes(member)
}
