/** What this hospital knows of consents: on a chain of transfers they are hashes. */
import { type Api, ApiError, type Result } from '@wardline/api'
import { type Hash, limits } from '@wardline/codec'
import { consentStanding } from '@wardline/custody'
import { type Consent, NOTHING_NOTED } from '../consents.ts'
import { type Membership, type Memberships, nextBlockMs } from '../membership.ts'
import { chainOfMode, headOf } from './lookup.ts'

type Methods = Pick<Api, 'consent.note' | 'consent.remove' | 'consent.list'>

export function consentMethods(memberships: Memberships): Methods {
  return {
    async 'consent.note'({ chain, consent, fromMs, untilMs, withdrawnMs, note }) {
      const member = chainOfMode(memberships, chain, 'STT')
      const change = {
        ...(fromMs !== undefined && { fromMs }),
        ...(untilMs !== undefined && { untilMs }),
        ...(withdrawnMs !== undefined && { withdrawnMs }),
        ...(note !== undefined && { note })
      }
      const noted = await member.consents.note(consent, change, member.clock.nowMs())
      if (noted === 'full') {
        throw new ApiError(
          'too-large',
          `this hospital keeps terms of ${limits.consentsMax} consents already; consent.remove makes room`
        )
      }
      if (noted === 'ends-before-it-begins') {
        throw new ApiError(
          'invalid-params',
          'consent.note: with what is noted already, untilMs would not be after fromMs'
        )
      }
      return { ...headOf(member), ...consentRow(member, consent, noted) }
    },

    async 'consent.remove'({ chain, consent }) {
      const member = chainOfMode(memberships, chain, 'STT')
      if ((await member.consents.remove(consent)) === 'absent') {
        throw new ApiError('not-found', 'this hospital has noted nothing of that consent')
      }
      return { chain: member.chain.id, consent }
    },

    async 'consent.list'({ chain, after, limit }) {
      const member = chainOfMode(memberships, chain, 'STT')
      const rest = member.consents.list().filter(([consent]) => after === undefined || consent > after)
      return {
        ...headOf(member),
        consents: rest.slice(0, limit).map(([consent, terms]) => consentRow(member, consent, terms)),
        next: rest.length > limit ? (rest[limit - 1]?.[0] ?? null) : null
      }
    }
  }
}

export function damagedConsent(consent: Hash): ApiError {
  return new ApiError('unavailable', `what was noted of consent ${consent} is damaged; note it anew`, { consent })
}

/**
 * That nothing is sent under a consent which this hospital itself knows not to be in force at the next block.
 * @throws ApiError `consent-invalid`, `unavailable` where what is noted of it cannot be read
 */
export function checkConsent(member: Membership, consent: Hash | null): void {
  const { consents } = member
  if (consent !== null && consents.isDamaged(consent)) throw damagedConsent(consent)
  if (consentStanding(consent, nextBlockMs(member), consents.get) !== 'invalid') return
  throw new ApiError(
    'consent-invalid',
    'by what this hospital noted of it, the consent is withdrawn or not in force: correct its terms with consent.note, or name another consent or none',
    { consent }
  )
}

function consentRow(
  { chain }: Membership,
  consent: Hash,
  terms: Consent | 'damaged'
): Result<'consent.list'>['consents'][number] {
  const termsOf = () => (terms === 'damaged' ? undefined : terms)
  const { fromMs, untilMs, withdrawnMs, note, notedMs } = termsOf() ?? NOTHING_NOTED
  const standing = consentStanding(consent, chain.head().time, termsOf)
  return { consent, fromMs, untilMs, withdrawnMs, note, notedMs, standing }
}
