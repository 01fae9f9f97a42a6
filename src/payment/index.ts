export { type ChannelBook, readChannelBooks } from './channelBooks.ts'
export {
  type ClaimBatch,
  formatClaimBatch,
  MAX_CLAIM_FILE_BYTES,
  parseClaimBatch,
  signClaimBatches,
} from './claimFile.ts'
export { type ClaimMetrics, createClaimMetrics } from './claimMetrics.ts'
export { CLAIM_GAS, type ClaimPlan, type ClaimPolicy, type PlanInput, planClaims } from './claimPlan.ts'
export { type Claimer, type ClaimerInit, type ClaimRound, createClaimer } from './claims.ts'
export { createDepositWallet, depositCallOf } from './depositWallet.ts'
export { PaymentError, SpendingError, type SpendingErrorCode, type SpendingErrorDetail } from './errors.ts'
export { type ChannelService, createPayeeChannels } from './payeeChannels.ts'
export * from './policy.ts'
export type * from './ports.ts'
export { type PaymentLogger, Sendings } from './sendings.ts'
export {
  createSettlementJournal,
  type SettlementJournal,
  type SettlementRecord,
} from './settlementJournal.ts'
export { type BookResult, openSpendingBook, type SpendingBook } from './spendingBook.ts'
export {
  type BudgetLeft,
  type Spending,
  SpendingLedger,
  type SpendingRequest,
  type SpendingTotals,
} from './spendingLedger.ts'
export { createWatchTower, type WatchTower } from './watchTower.ts'
export { formatPayment, parsePayment, type X402Context, type X402Problem, x402ContextOf } from './x402.ts'
export {
  type ChannelRequirements,
  type ChannelStanding,
  formatPaymentRequired,
  formatSettlement,
  type HeldVoucher,
  type PaymentRequired,
  parsePaymentRequired,
  parseSettlement,
  requirementsJson,
  type Settlement,
} from './x402Answers.ts'
