/** The loop of one chain: submit, receive, agree, commit, query, sync. */
export { type Chain, type ChainParts, type ChainStatus, openChain, type Phase } from './chain.ts'
export type { DirectoryEntry } from './directory.ts'
export type { Head } from './head.ts'
export type { Outcome } from './outcomes.ts'
export type { Payloads } from './payloads.ts'
export type { Query, StoredBlock } from './query.ts'
export type { Submission } from './submit.ts'
export { type ChainFault, type ChainVerification, type ChainVerificationParts, verifyChain } from './verify-chain.ts'
