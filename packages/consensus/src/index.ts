/** Headers, votes, certificates and their bytes, the vote journal's bytes, and Simplex as a pure machine. */
export {
  type Certificate,
  certificateChecks,
  encodeCertificate,
  parseCertificate,
  type SignatureCheck,
  verifyCertificate,
  verifyCertificateSync
} from './certificate.ts'
export { createEngine, engineBuffers, engineStatus, screen, step } from './engine/engine.ts'
export {
  type BuildRequest,
  type Certified,
  DEFAULT_TIMING,
  type Engine,
  type EngineBuffers,
  type EngineConfig,
  type EngineStatus,
  type Input,
  type Output,
  type Recovered,
  type Screening,
  type Voting
} from './engine/interface.ts'
export {
  CONFLICTS,
  type Conflict,
  conflictOf,
  type Evidence,
  evidenceChecks,
  evidenceName,
  evidenceOf,
  forkEvidence,
  hasEvidenceForm,
  type SignedBallot,
  verifyEvidence
} from './evidence.ts'
export { encodeHeader, genesisDigest, HEADER_BYTES, type Header, headerDigest, parseHeader } from './header.ts'
export {
  certificatesIn,
  encodeJournalRecord,
  entryEpoch,
  isRecovery,
  type JournalEntry,
  type JournalScan,
  type Place,
  scanJournal
} from './journal.ts'
export { createJournalBook, type JournalBook, noteAppend, planPrune } from './journal-book.ts'
export { type Ballot, EMPTY_SLOT, maySign, type SigningBounds, type Slot, signedSlot } from './may-sign.ts'
export { encodeMessage, type Message, parseMessage } from './messages.ts'
export { leavesRoot, type Proposal } from './proposal.ts'
export { crashesTolerated, faultsTolerated, quorum, signersOfFork } from './quorum.ts'
export { indexOfMember, leaderOf, setHash, type Validator, type ValidatorSet, validatorSet } from './validators.ts'
export { approvalBytes, NO_DIGEST, type Vote, type VoteKind, voteBytes } from './vote.ts'
