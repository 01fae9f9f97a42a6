export { type AnchoredBatch, compactSignatures } from './batches.ts'
export type { BlockRef, Reorg, Unsubscribe } from './blocks.ts'
export { type BookedClaim, type ClaimResult, type FailedClaim, readClaimResult } from './channelClaims.ts'
export {
  type AllowancePermit,
  allowancePermitDigest,
  type DepositAuthorization,
  type DepositPermit,
  depositAuthorizationData,
  depositAuthorizationDigest,
  depositNonce,
  depositPermitData,
  depositPermitDigest,
  readTokenDomain,
  type TokenDomain,
} from './channelDeposits.ts'
export type { ChannelEvent, ChannelWatch } from './channelEvents.ts'
export {
  type ChannelState,
  type ChannelsAt,
  claimCall,
  claimDirectlyCall,
  claimWithSignatureCall,
  depositCall,
  finalizeWithdrawCall,
  initiateWithdrawCall,
  MAX_CLAIM_ROWS,
  type ReceiverState,
  readChannel,
  readChannels,
  readReceiver,
  refundCall,
  refundWithSignatureCall,
} from './channels.ts'
export {
  type ChainClient,
  type ChainComponents,
  type ChainInit,
  type Confidence,
  createChainClient,
  type WaitOptions,
} from './client.ts'
export type { Ensured, SigningSeat, SigningSet } from './committee.ts'
export { MAX_PROPOSAL_BYTES } from './constants.ts'
export {
  asChainError,
  batchAnchorAbi,
  committeeAbi,
  decodeRevert,
  evidenceAbi,
  feeSplitterAbi,
  feeSplitterFactoryAbi,
  MINIMUM_STAKE,
  opgAbi,
  paymentChannelsAbi,
  ROLE,
  type RoleName,
  stakeManagerAbi,
} from './contracts.ts'
export { type EpochClock, epochAt, epochStart } from './epochs.ts'
export { ChainError, type ChainErrorCode, type ChainErrorDetail, isChainError } from './errors.ts'
export type { ForcedCheckpoint } from './forced.ts'
export {
  type Action,
  actions,
  cancelCall,
  changesGuardianOnly,
  delegateStakeCall,
  delegateTokensCall,
  executeCall,
  type GovernedValues,
  hasVoted,
  MODULE,
  type ModuleName,
  PARAM,
  type ParamName,
  type Proposal,
  type ProposalState,
  type ProposalText,
  proposeCall,
  queueCall,
  readGovernedValues,
  readProposalId,
  readProposals,
  readVotingPower,
  rehearse,
  VOTE,
  type VoteChoice,
  voteCall,
} from './governance.ts'
export {
  allowMeasurementCall,
  type MeasurementName,
  type PublishedPolicy,
  publishPolicyCall,
  readAllowed,
  readPolicy,
  revokeMeasurementCall,
} from './measurementRegistry.ts'
export {
  acceptLineCall,
  addVersionCall,
  createLineCall,
  DEPRECATION,
  type DeprecationReason,
  deprecateCall,
  offerLineCall,
  type RegisteredModel,
  readLine,
  readModel,
  setPayeeCall,
} from './modelRegistry.ts'
export { formatNetworkFile, type NetworkContracts, type NetworkFile, parseNetworkFile } from './networkFile.ts'
export {
  REGISTRATION,
  type Registration,
  ROTATION,
  type Rotation,
  registrationDigest,
  rotationDigest,
} from './registration.ts'
export {
  claimRewardCall,
  createSplitterCall,
  distributeCall,
  type EarningsView,
  type RewardRootView,
  type RewardsView,
  readEarnings,
  readRewards,
  releaseCall,
} from './rewards.ts'
export type { RpcClient } from './rpc.ts'
export { createSplitterLookup } from './splitters.ts'
export { type RoleStake, readStakeAccount, STAKED_ROLES, type StakeAccount, type Unbonding } from './stakeAccount.ts'
export {
  approveStakeCall,
  freezeCall,
  joinCall,
  openCall,
  registerCall,
  requestUnstakeCall,
  rotateCall,
  setPayoutCall,
  stakeCall,
  withdrawCall,
} from './staking.ts'
export type { Call, Inclusion, SendOptions, Sent, SignedTransaction, TransactionSigner } from './transactions.ts'
