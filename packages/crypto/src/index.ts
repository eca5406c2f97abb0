/** Signing, verifying and sealing, each in the one way that Wardline does it. Pure: secrets and randomness are arguments. */

export { type AesParameters, decryptAes, encryptAes } from './aes-gcm.ts'
export { type AliasSigner, createAliasSigner, createRecallSigner } from './alias.ts'
export { AT_REST_OVERHEAD_BYTES, openAtRest, sealAtRest } from './at-rest.ts'
export { CONTENT_SALT_BYTES, type Content, commitContent, decodeContent, encodeContent } from './content.ts'
export {
  createOpener,
  type Envelopes,
  envelopeReceivers,
  envelopes,
  type Opener,
  type OpenFailure,
  type OpenResult,
  openWithContentKey,
  type SealContext,
  type SealReceiver,
  sealEnvelope,
  sealedContentBytesMax
} from './envelope.ts'
export { type KeyFileResult, openKeyFile, sealKeyFile } from './key-file.ts'
export { isAcceptableSealKey, publicSealKey } from './seal-key.ts'
export {
  createVerifier,
  isAcceptableSignKey,
  isUsableSignKey,
  syncVerifier,
  type Urgency,
  type Verifier,
  type VerifierOptions,
  verifySignature
} from './signature.ts'
export {
  createSigner,
  createVoteSigner,
  publicSignKey,
  type Signer,
  STATEMENT_DOMAINS,
  type StatementDomain,
  statementMessage,
  type VoteSigner
} from './signer.ts'
