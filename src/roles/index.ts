export { type CheckpointGossip, createCheckpointGossip } from './checkpointGossip.ts'
export type { CommitteeLookup, CommitteeProblem, StandingCommittee } from './committee.ts'
export { createCommitteeLookup } from './committee.ts'
export { ROLE_CONDUCT } from './conduct.ts'
export { createEvidenceGossip, type EvidenceGossip } from './evidenceGossip.ts'
export {
  createGrantChecker,
  type GrantChecker,
  type GrantPolicies,
  type GrantVerdict,
  onePolicy,
} from './grants.ts'
export type { RoleLogger } from './logger.ts'
export { createOffers, type Offers } from './offers.ts'
export { recoverOwnLatest } from './ownLatest.ts'
export { createPeerDirectory, type PeerDirectory } from './peerDirectory.ts'
export { createPeerExchange, type PeerExchange } from './peerExchange.ts'
export { createCommitteeLinks } from './provider/committeeLinks.ts'
export { createProviderJournal } from './provider/journal.ts'
export { createProvider, type ModelForSale, type Provider, type ProviderPayments } from './provider/provider.ts'
export { createRecordsDoor, type RecordsDoor, type RecordsSource, seatEntitlement } from './recordsDoor.ts'
export type { KeptJob } from './requester/keptJob.ts'
export { openPayer, type Payer, type PayerChain, type PaymentQuote } from './requester/payer.ts'
export type { PaymentFrames } from './requester/paymentTalk.ts'
export { payProvider } from './requester/payProvider.ts'
export {
  createRequester,
  type InferenceOrder,
  type RequestAnswer,
  type Requester,
  type RequesterJournal,
  type RequestOptions,
  type RequestProgress,
} from './requester/requester.ts'
export { type BatchHistory, createBatchHistory } from './settler/batchHistory.ts'
export { createSettlementPool, type SettlementPool } from './settler/pool.ts'
export { SettledStore } from './settler/settledStore.ts'
export { createSettler, type Settler } from './settler/settler.ts'
export { type BatchSigner, createBatchSigner } from './settler/signer.ts'
export { respondFromStore } from './storeResponders.ts'
export { createSync, type Sync } from './sync.ts'
export { createGrantBook, type GrantBook } from './verifier/grantBook.ts'
export { createVerifierJournal, type VerifierJournal } from './verifier/journal.ts'
export { createVerifier, type Verifier } from './verifier/verifier.ts'
export { createVoteGossip, type VoteGossip } from './voteGossip.ts'
