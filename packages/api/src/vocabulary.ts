/** The words of the ledger, the views and the custody that parameters and answers may hold; the compiler holds them to their source. */
import type { ConsentStanding, DeliveryState, Form, MismatchVerdict } from '@wardline/custody'
import type {
  AccessStatus,
  Basis,
  Role as LedgerRole,
  Offence,
  Outcome,
  Purpose,
  ReportBody,
  StaffRole,
  ValidatorAction
} from '@wardline/ledger'
import type { AccessEntry, TimelineKind } from '@wardline/views'

/** Why a record is sent; the ledger's codes. */
export const PURPOSES = [
  'treatment',
  'payment',
  'operations',
  'research',
  'emergency',
  'patient-request',
  'public-health',
  'legal'
] as const satisfies readonly Purpose[]

/** What a member can be registered as; the ledger's roles without `registrar`, which the genesis gives. */
export const MEMBER_ROLES = [
  'hospital',
  'payer',
  'regulator',
  'doctor',
  'nurse',
  'privacyOfficer',
  'researcher',
  'guardian'
] as const satisfies readonly LedgerRole[]

export const STAFF_ROLES = [
  'doctor',
  'nurse',
  'privacyOfficer',
  'researcher',
  'guardian'
] as const satisfies readonly StaffRole[]

/** What a change of the validators does; the ledger's. */
export const VALIDATOR_ACTIONS = ['add', 'remove', 'rotate'] as const satisfies readonly ValidatorAction[]

/** On what ground a patient is on record in an alliance; the ledger's codes. */
export const BASES = [
  'consent',
  'guardian-consent',
  'care',
  'legal-obligation',
  'vital-interest',
  'public-interest'
] as const satisfies readonly Basis[]

/** The kinds of entries on a patient's timeline; the ledger's. */
export const TIMELINE_KINDS = [
  'dss.enrol',
  'dss.withdraw',
  'dss.record',
  'dss.amend',
  'dss.access'
] as const satisfies readonly TimelineKind[]

/** How a receiver's attempt to take a transmission can end; the ledger's. */
export const HANDOFF_OUTCOMES = [
  'opened',
  'mismatch',
  'broken-path',
  'refused',
  'lost-key'
] as const satisfies readonly Outcome[]

/** What a daemon acknowledges without a person, as the settings say. */
export const ACKNOWLEDGE = ['auto', 'opened', 'manual'] as const

/** What became of one hand-off. */
export const DELIVERY_STATES = [
  'sent',
  'opened',
  'mismatch',
  'broken-path',
  'refused',
  'lost-key'
] as const satisfies readonly DeliveryState[]

/** How the consent of a hand-off stood, as far as this hospital knows. */
export const CONSENT_STANDINGS = ['absent', 'valid', 'invalid', 'unknown'] as const satisfies readonly ConsentStanding[]

/** What is known of a claimed mismatch; `revealed` where the key is on the chain and the envelope is not here. */
export const MISMATCH_CLAIMS = ['claimed', 'revealed', 'proven', 'refuted', 'unproven'] as const satisfies readonly (
  | Exclude<MismatchVerdict, 'other-envelope'>
  | 'claimed'
  | 'revealed'
)[]

/** In which forms the custody of a record is drawn or written; custody's. */
export const CUSTODY_FORMS = [
  'terminal',
  'ascii',
  'svg',
  'dot',
  'graphml',
  'mermaid',
  'json',
  'csv',
  'prov'
] as const satisfies readonly Form[]

/** The kinds of entries in a patient's access log; the ledger's. */
export const ACCESS_KINDS = [
  'alias.open',
  'spv.anchor',
  'spv.grant',
  'spv.revoke',
  'spv.access'
] as const satisfies readonly AccessEntry['kind'][]

/** What a chain finds an access to be; the ledger's. */
export const ACCESS_STATUSES = ['covered', 'violation', 'late', 'denied'] as const satisfies readonly AccessStatus[]

/** How a validator contradicted itself; the engine's. */
export const CONFLICTS = [
  'notarize-notarize',
  'finalize-finalize',
  'notarize-finalize',
  'nullify-finalize'
] as const satisfies readonly Offence['conflict'][]

/** The kinds of votes; the engine's. */
export const VOTE_KINDS = [
  'notarize',
  'nullify',
  'finalize'
] as const satisfies readonly ReportBody['votes'][0]['kind'][]
