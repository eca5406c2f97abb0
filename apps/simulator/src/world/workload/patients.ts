/** Patients of a world: aliases from the seed, whose transactions some hospital sponsors. */
import { type Alias, assert } from '@wardline/codec'
import { createSigner, type Signer } from '@wardline/crypto'
import {
  type AliasDraft,
  type ParsedTransaction,
  parseTransaction,
  parseUnsponsored,
  signAliasTransaction,
  sponsorTransaction
} from '@wardline/ledger'
import type { Prng } from '@wardline/network-memory'
import type { Cast, Hospital } from '../cast.ts'

export type Patient = { readonly alias: Alias; readonly sign: Signer }

export function createPatient(prng: Prng): Patient {
  const sign = createSigner(prng.bytes(32))
  return { alias: sign.publicKey as string as Alias, sign }
}

/** What the patient wrote, with the hospital's signature beside its own. */
export function sponsored(cast: Cast, draft: AliasDraft, patient: Patient, sponsor: Hospital): ParsedTransaction {
  const written = parseUnsponsored(signAliasTransaction(draft, patient.sign), cast.chain)
  assert(written.kind === 'ok', 'the workload builds transactions of good form')
  const bytes = sponsorTransaction(written.transaction, { member: sponsor.member, keyIndex: 0 }, sponsor.sign)
  const result = parseTransaction(bytes, cast.chain)
  assert(result.kind === 'ok', 'the workload builds transactions of good form')
  return result.transaction
}
