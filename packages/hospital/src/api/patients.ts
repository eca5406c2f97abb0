/** Patients: what their own wallets sign and this hospital sponsors, and the wallets that this hospital keeps for them. */

import { type Api, ApiError, type Role } from '@wardline/api'
import { type Alias, fromHex } from '@wardline/codec'
import type { AliasSigner } from '@wardline/crypto'
import { ENROLMENT_MS_BY_DEFAULT } from '@wardline/ledger'
import type { About } from '../about.ts'
import { submitKept } from '../kept.ts'
import type { Membership, Memberships } from '../membership.ts'
import { refusal } from '../refusal.ts'
import { type AliasStatement, readUnsponsored, sponsor, submitAs, writeAs } from '../sponsor.ts'
import { chainNamed, chainOfMode } from './lookup.ts'
import { answerSubmission, type WaitParams } from './submitted.ts'

type Methods = Pick<Api, 'tx.sponsor' | 'alias.open' | 'alias.find' | 'patient.enrol' | 'patient.withdraw'>

export function patientMethods(memberships: Memberships): Methods {
  return {
    async 'tx.sponsor'(params, { signal }) {
      const member = chainNamed(memberships, params.chain)
      const read = await readUnsponsored(member, fromHex(params.transaction))
      if (read.kind === 'refused') throw refusal(read.code)
      const { transaction } = read
      const submission = await sponsor(member, transaction)
      const { alias } = transaction.author
      return { ...(await answerSubmission(member, submission, params, signal, { alias })), alias }
    },

    async 'alias.open'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'DSS', 'SPV')
      const { chain, patients } = member
      if (chain.genesis.mode === 'DSS') {
        const { alias } = await patients.open(params.patient)
        return { chain: chain.id, alias, opening: null }
      }
      const { alias, submission } = await patients.opening(params.patient, async (signer, kept) => {
        const body = { hospital: chain.self, custodial: true }
        const write = () => writeAs(member, signer, { kind: 'alias.open', body })
        return { alias: signer.alias, submission: await submitKept(chain, { ...kept, write }) }
      })
      const opening = await answerSubmission(member, submission, params, signal, { alias })
      return { chain: chain.id, alias, opening }
    },

    async 'alias.find'({ chain, patient }) {
      const member = chainOfMode(memberships, chain, 'DSS', 'SPV')
      const { alias } = await walletOf(member, patient)
      return { chain: member.chain.id, alias }
    },

    async 'patient.enrol'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'DSS')
      const { clock, chain } = member
      const until = params.untilMs ?? Math.max(clock.nowMs(), chain.head().time) + ENROLMENT_MS_BY_DEFAULT
      const statement = { kind: 'dss.enrol', body: { until, basis: params.basis } } as const
      return say(member, await walletOf(member, params.patient), statement, params, signal)
    },

    async 'patient.withdraw'(params, { signal }) {
      const member = chainOfMode(memberships, params.chain, 'DSS')
      const statement = { kind: 'dss.withdraw', body: {} } as const
      return say(member, await walletOf(member, params.patient), statement, params, signal)
    }
  }
}

/** What the patient's alias says of `ids`, by its wallet here, and what became of it. */
export async function say(
  member: Membership,
  signer: AliasSigner,
  statement: AliasStatement,
  wait: WaitParams,
  signal: AbortSignal | undefined,
  ids: About = {}
) {
  const { alias } = signer
  const submission = await submitAs(member, signer, statement)
  return { ...(await answerSubmission(member, submission, wait, signal, { alias, ...ids })), alias }
}

export type PatientName = { readonly alias?: Alias | undefined; readonly patient?: string | undefined }

/** The wallet that this hospital keeps for a patient, by reference. @throws ApiError `not-found` */
async function walletOf({ patients }: Membership, reference: string): Promise<AliasSigner> {
  const signer = await patients.find(reference)
  if (signer === undefined) {
    throw new ApiError(
      'not-found',
      'this hospital keeps no wallet for that patient on this chain: make one with alias.open (wardline patient open)'
    )
  }
  return signer
}

/** The wallet here of a patient, by reference or alias. @throws ApiError `not-found` */
export async function walletNamed(member: Membership, { alias, patient }: PatientName): Promise<AliasSigner> {
  if (patient !== undefined) return walletOf(member, patient)
  const signer = alias === undefined ? undefined : await member.patients.byAlias(alias)
  if (signer === undefined) {
    throw new ApiError(
      'not-found',
      'this hospital keeps no wallet of that alias: only the patient’s own wallet signs for it'
    )
  }
  return signer
}

/**
 * The alias that a caller means: the one given, or that of a patient who has a wallet here. Which patient is behind an alias,
 * and whether there is one, the read socket is not told.
 * @throws ApiError `not-permitted | not-found`
 */
export async function aliasNamed(member: Membership, { alias, patient }: PatientName, role: Role): Promise<Alias> {
  if (patient !== undefined && role === 'read') {
    throw new ApiError('not-permitted', 'this socket knows patients by alias only')
  }
  return alias ?? (await walletNamed(member, { patient })).alias
}
