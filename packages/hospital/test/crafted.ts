/** Transmissions that are made by hand, as a misbehaving sender may make them. */
import { randomBytes } from 'node:crypto'
import { commitContent, encodeContent, publicSealKey, sealEnvelope } from '@wardline/crypto'
import { buildTransaction, envelopeCommitment, recordIdOf } from '@wardline/ledger'
import type { Daemon, Founded } from './hospitals.ts'

export type CraftedTerms = {
  /** The receiver's secret for whose key it is sealed instead of the one that the transaction names. */
  readonly sealTo?: Uint8Array
  /** What the transaction commits to; left out: what is sealed. */
  readonly committed?: string
  readonly sealed: string
}

export async function crafted(
  { chain }: Founded,
  [from, to]: readonly [Daemon, Daemon],
  { sealTo, committed, sealed }: CraftedTerms
) {
  const { member, sign, keys } = from.place
  const nonce = randomBytes(16)
  const record = recordIdOf(chain, member, nonce)
  const sealingKey = publicSealKey(to.place.keys['seal'] as Uint8Array)
  const contentOf = (text: string) => ({
    salt: new Uint8Array(32),
    descriptor: new Uint8Array([0xa0]),
    bytes: Buffer.from(text)
  })
  const receivers = [
    { member: to.place.member, key: sealTo === undefined ? sealingKey : publicSealKey(sealTo) },
    { member, key: publicSealKey(keys['seal'] as Uint8Array) }
  ]
  const context = { chain, record, sender: member, receivers }
  const envelope = await sealEnvelope(context, encodeContent(contentOf(sealed)), (size) => randomBytes(size))
  const created = Date.now()
  const transaction = buildTransaction(
    {
      chain,
      kind: 'stt.send',
      author: { member, keyIndex: 0 },
      nonce,
      created,
      expires: created + 3_600_000,
      body: {
        recordId: record,
        content: commitContent(contentOf(committed ?? sealed)),
        to: [{ member: to.place.member, sealingKey }],
        via: null,
        purpose: 'treatment',
        subject: null
      },
      payload: { commitment: envelopeCommitment(envelope), size: envelope.length }
    },
    sign
  )
  const { id } = await from.call('tx.submit', {
    transaction: Buffer.from(transaction).toString('hex'),
    payload: Buffer.from(envelope).toString('base64')
  })
  return { id, record }
}
