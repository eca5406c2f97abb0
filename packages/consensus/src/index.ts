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
export { createEngine, engineStatus, screen, step } from './engine/engine.ts'
export {
  type BuildRequest,
  DEFAULT_TIMING,
  type Engine,
  type EngineConfig,
  type EngineStatus,
  type Input,
  type Output,
  type Recovered,
  type Screening
} from './engine/interface.ts'
export { encodeHeader, genesisDigest, HEADER_BYTES, type Header, headerDigest, parseHeader } from './header.ts'
export {
  encodeJournalRecord,
  type JournalEntry,
  type JournalScan,
  scanJournal
} from './journal.ts'
export { createJournalBook, type JournalBook, noteAppend, planPrune } from './journal-book.ts'
export { type Ballot, EMPTY_SLOT, maySign, type SigningBounds, type Slot, signedSlot } from './may-sign.ts'
export { encodeMessage, type Message, parseMessage } from './messages.ts'
export { leavesRoot, type Proposal } from './proposal.ts'
export { crashesTolerated, faultsTolerated, quorum, signersOfFork } from './quorum.ts'
export { indexOfMember, leaderOf, setHash, type Validator, type ValidatorSet, validatorSet } from './validators.ts'
export { NO_DIGEST, type Vote, type VoteKind, voteBytes } from './vote.ts'
