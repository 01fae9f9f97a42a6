export type { CommitteeLookup, StandingCommittee } from './committee.ts'
export { createCommitteeLookup } from './committee.ts'
export { ROLE_CONDUCT } from './conduct.ts'
export { createGrantChecker, type GrantChecker, type GrantVerdict } from './grants.ts'
export type { RoleLogger } from './logger.ts'
export { createOffers, type Offers } from './offers.ts'
export { createPeerDirectory, type PeerDirectory } from './peerDirectory.ts'
export { createCommitteeLinks } from './provider/committeeLinks.ts'
export { createProviderJournal } from './provider/journal.ts'
export { createProvider, type ModelForSale, type Provider } from './provider/provider.ts'
export {
  createRequester,
  type InferenceOrder,
  type RequestAnswer,
  type Requester,
  type RequesterJournal,
  type RequestOptions,
  type RequestProgress,
} from './requester/requester.ts'
export { createSync, type Sync } from './sync.ts'
