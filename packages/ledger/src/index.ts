/** Transactions, rules, blocks, genesis and receipts of a chain. Pure. */
export {
  appHash,
  type BlockBuilder,
  type BlockChanges,
  createBlock,
  decodeBlockBody,
  type ExecutedBlock,
  type Execution,
  encodeBlockBody,
  execute,
  NO_APP_HASH,
  sharedPayloadSize,
  txRoot
} from './block.ts'
export {
  type Card,
  type CardFacts,
  type CardKeys,
  type CardProofs,
  type CardRegistration,
  type CardSigners,
  cardFingerprint,
  cardMember,
  cardText,
  makeCard,
  type ParsedCard,
  parseCard,
  verifyCard
} from './card.ts'
export { type Descriptor, encodeDescriptor, readDescriptor } from './descriptor.ts'
export type { DssAccessBody } from './dss/access.ts'
export type { AmendBody } from './dss/amend.ts'
export {
  type Attested,
  CLINICAL_ROLES,
  type ClinicalRole,
  type DoctorSignature,
  doctorStatement
} from './dss/doctor.ts'
export type { EnrolBody } from './dss/enrol.ts'
export {
  BASES,
  type Basis,
  ENROLMENT_MS_BY_DEFAULT,
  type Enrolment,
  enrolmentRefusal,
  readEnrolment
} from './dss/enrolment.ts'
export type { RecordBody } from './dss/record.ts'
export {
  type PatientRecord,
  type RecordVersion,
  readPatientRecord,
  readRecordHead,
  readRecordVersion
} from './dss/versions.ts'
export type { WithdrawBody } from './dss/withdraw.ts'
export { type Entries, entryHash, readEntries } from './entries.ts'
export {
  encodeEvidenceVotes,
  isReported,
  type Offence,
  type ReportBody,
  readEvidenceVotes,
  readOffences
} from './evidence.ts'
export { EXCLUDED_LABELS_BY_DEFAULT, type Fence, isExcludableLabel, readFence } from './fence.ts'
export type { Finality, Pin } from './finality.ts'
export type { CommittedBlock, Fold } from './fold.ts'
export {
  chainIdOf,
  draftGenesis,
  type Genesis,
  type GenesisDraft,
  type GenesisMode,
  type GenesisSignature,
  genesisAppHash,
  genesisChanges,
  genesisFingerprint,
  genesisSignatureText,
  genesisText,
  namesOf,
  type ParsedGenesis,
  type ParsedGenesisSignature,
  parseGenesis,
  parseGenesisSignature,
  type Registrar,
  registrarOf,
  signGenesis,
  validatorsOf,
  verifyGenesis,
  withSignatures
} from './genesis.ts'
export { leafPath, type PlacedTransaction } from './inclusion.ts'
export {
  encodeJointReceipt,
  isJointReceipt,
  type JointReceipt,
  type ProvenTransaction,
  verifyJointReceipt
} from './joint-receipt.ts'
export { judge, type Verdict } from './judge.ts'
export {
  type AliasAuthor,
  type Author,
  type Envelope,
  type MemberAuthor,
  MODES,
  type Mode,
  NO_EXPIRY,
  NONCE_BYTES,
  type Payload,
  type Position,
  type Sponsor
} from './kind.ts'
export type {
  AliasKind,
  Bodies,
  Kind,
  MemberKind,
  Transaction
} from './kinds.ts'
export {
  type ChangeApproval,
  type ChangeDraft,
  changeApprovalText,
  changeDraftText,
  changeFingerprint,
  type ParsedChangeApproval,
  type ParsedChangeDraft,
  parseChangeApproval,
  parseChangeDraft
} from './membership/change-file.ts'
export {
  currentKey,
  type DatedKey,
  decodeMember,
  type Grants,
  type Member,
  memberIdOf,
  ROLES,
  type Role,
  readMember,
  STAFF_ROLES,
  type StaffRole
} from './membership/member.ts'
export type { RegisterBody } from './membership/register.ts'
export type { RevokeBody } from './membership/revoke.ts'
export type { AnnounceBody, Approval, RecoverBody, RotateBody, VetoBody } from './membership/rotate.ts'
export {
  type ApprovalTerms,
  type NewKeys,
  type RegisteredKeys,
  recoveryStatement,
  registrationStatement,
  rotationStatement
} from './membership/statements.ts'
export {
  judgeChange,
  possessionCheck,
  provePossession,
  type ValidatorAction,
  type ValidatorChange,
  type ValidatorChangeBody,
  validatorChangeDigest,
  withChange
} from './membership/validator-change.ts'
export { type VoteApproval, validatorsIn } from './membership/validators.ts'
export { type Change, createOverlay, emptyState, layered, type Overlay, type StateView } from './overlay.ts'
export {
  PARAMETER_BOUNDS,
  type Parameters,
  readMode,
  readParameters,
  readRegistrar,
  readValidators,
  type ValidatorNames
} from './parameters.ts'
export { type PastBlock, readBlockAt, withLastBlock } from './past-blocks.ts'
export { asLabel, isRecalled, type PayloadFault, payloadCommitment, payloadFault } from './payload.ts'
export type { Problem, ProblemCode } from './problem.ts'
export {
  encodeReceipt,
  type ParsedReceipt,
  parseReceipt,
  RECEIPT_TEXT_MAX,
  type Receipt,
  type ReceiptFailure,
  type ReceiptVerdict,
  verifyReceipt
} from './receipt.ts'
export { type BlockCode, type Code, type FormCode, REFUSALS, type RefusalCode } from './refusals.ts'
export type { SpvAccessBody } from './spv/access.ts'
export type { AnchorBody } from './spv/anchor.ts'
export { type AccessDecision, type AccessQuestion, decideAccess } from './spv/decide.ts'
export { type Atom, authoritiesOf, type Expression } from './spv/expression.ts'
export type { GrantBody } from './spv/grant.ts'
export type { OpenBody } from './spv/open.ts'
export {
  type AccessRequest,
  encodeSignedRequest,
  parseSignedRequest,
  requestCheck,
  requestIdOf,
  type SignedRequest,
  signRequest
} from './spv/request.ts'
export type { GrantRevokeBody } from './spv/revoke.ts'
export {
  ACCESS_STATUSES,
  type AccessStatus,
  type AnchoredRecord,
  type AnsweredRequest,
  DENIALS,
  type Denial,
  type Grant,
  type OpenedAlias,
  readAnchoredRecord,
  readAnsweredRequest,
  readBucket,
  readGrant,
  readOpenedAlias
} from './spv/rows.ts'
export { GRANT_MS_BY_DEFAULT, type Grantee, type GrantTerms, type Scope } from './spv/terms.ts'
export {
  acknowledgementRange,
  expiredSeenRange,
  grantsRange,
  hostRange,
  type KeyRange,
  memberRange,
  offenceRange,
  stateKeys
} from './state-keys.ts'
export { type AckBody, outcomeOf } from './stt/ack.ts'
export type { AttestBody } from './stt/attest.ts'
export { type RecallBody, signRecall } from './stt/recall.ts'
export {
  type Acknowledgement,
  envelopeCommitment,
  isHolder,
  type Mark,
  OUTCOMES,
  type Outcome,
  readAcknowledgement,
  readAttestation,
  readRecall,
  readRecord,
  readSubject,
  readTransmission,
  recordIdOf,
  type StoredRecord,
  type Transmission
} from './stt/record.ts'
export { PURPOSES, type Purpose, type Receiver, type SendBody } from './stt/send.ts'
export {
  type AliasDraft,
  buildTransaction,
  chargedTo,
  type Draft,
  isPayloadHolder,
  leafOf,
  type ParsedTransaction,
  type ParseResult,
  type ParseUnsponsoredResult,
  parseTransaction,
  parseUnsponsored,
  payloadHolders,
  signAliasTransaction,
  signatureChecks,
  sponsorTransaction,
  type UnsponsoredTransaction,
  verifyTransaction
} from './transaction.ts'
