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
export type { CommittedBlock, Fold } from './fold.ts'
export {
  chainIdOf,
  draftGenesis,
  type Genesis,
  type GenesisDraft,
  type GenesisSignature,
  genesisAppHash,
  genesisChanges,
  genesisFingerprint,
  genesisSignatureText,
  genesisText,
  type Mode,
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
export { judge, type Verdict } from './judge.ts'
export type { Author, Envelope, Payload, Position } from './kind.ts'
export type { Bodies, Kind, Transaction } from './kinds.ts'
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
export { type Change, createOverlay, emptyState, layered, type Overlay, type StateView } from './overlay.ts'
export {
  PARAMETER_BOUNDS,
  type Parameters,
  readParameters,
  readRegistrar,
  readValidators,
  type ValidatorNames
} from './parameters.ts'
export type { Problem, ProblemCode } from './problem.ts'
export {
  type Ancestor,
  encodeReceipt,
  leafPath,
  type ParsedReceipt,
  type PathStep,
  type Pin,
  parseReceipt,
  RECEIPT_TEXT_MAX,
  type Receipt,
  type ReceiptFailure,
  type ReceiptVerdict,
  verifyReceipt
} from './receipt.ts'
export { type BlockCode, type Code, type FormCode, REFUSALS, type RefusalCode } from './refusals.ts'
export {
  acknowledgementRange,
  expiredSeenRange,
  hostRange,
  type KeyRange,
  memberRange,
  stateKeys
} from './state-keys.ts'
export type { AckBody } from './stt/ack.ts'
export {
  type Acknowledgement,
  envelopeCommitment,
  isHolder,
  OUTCOMES,
  type Outcome,
  readAcknowledgement,
  readRecord,
  readTransmission,
  recordIdOf,
  type StoredRecord,
  type Transmission
} from './stt/record.ts'
export { PURPOSES, type Purpose, type Receiver, type SendBody } from './stt/send.ts'
export {
  buildTransaction,
  type Draft,
  leafOf,
  type ParsedTransaction,
  type ParseResult,
  parseTransaction,
  payloadHolders,
  signatureChecks,
  verifyTransaction
} from './transaction.ts'
