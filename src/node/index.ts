export {
  AGE_CODES,
  CERTIFICATE_CODES,
  type DocumentKind,
  EVIDENCE_CODES,
  type EvidenceVerdict,
  REPORT_DATA_BYTES,
  SIZE_CODES,
} from '../attestation/index.ts'
export type { NetworkFile } from '../chain/index.ts'
export { readInputFile } from '../inference/index.ts'
export type { Store, Write } from '../store/index.ts'
export { nodeAttestationCrypto } from './attestationCrypto.ts'
export { signResult } from './attestationResult.ts'
export * from './attester.ts'
export {
  type AuthorityPorts,
  readAuthority,
  writeAuthority,
  writeSnpAuthority,
  writeTdxAuthority,
} from './attesters/simulated.ts'
export * from './batches.ts'
export { awaitBatchProof } from './batchProof.ts'
export * from './chainRefusals.ts'
export { type ChainSender, type FacilitatorHome, openFacilitatorHome } from './chainSender.ts'
export { type ChainSession, withChainSession } from './chainSession.ts'
export { depositThroughProvider, refundThroughProvider } from './channelPayments.ts'
export * from './channels.ts'
export { readClaimFiles, watchClaims } from './claimWatch.ts'
export { createClient, gatherOffers } from './client.ts'
export { codeMeasurement } from './codeMeasurement.ts'
export * from './config.ts'
export * from './constants.ts'
export { askControl, type ControlHandlers, type ControlServer, startControl } from './control.ts'
export { nodeSecp256k1 } from './crypto.ts'
export { DEVNET_KEY_TAG, devnetPrivateKey } from './devnetKeys.ts'
export { type Diagnosis, diagnose } from './doctor/diagnose.ts'
export * from './errors.ts'
export * from './evidenceAppraisal.ts'
export { GATEWAY_MODES, type GatewayConfig, type GatewayOption } from './gatewayConfig.ts'
export * from './governance.ts'
export { type Holdings, readHoldings } from './holdings.ts'
export * from './home.ts'
export { type JobView, keptJob, listJobs } from './jobs.ts'
export { KeystoreError, type KeystoreErrorCode, readKeyFile, writeKeyFile } from './keystore.ts'
export { createLogger, type LogLevel, type NodeLogger } from './logger.ts'
export { createRegistry, type Health, type MetricsServer, startMetrics } from './metrics.ts'
export { type NamedModel, readCatalogue, readModelFolder, resolveModel } from './modelFolder.ts'
export * from './modelLines.ts'
export * from './node.ts'
export * from './nodeProcess.ts'
export * from './offerList.ts'
export * from './operatorKey.ts'
export { PayFetchError, type PayFetchErrorCode } from './payFetch/errors.ts'
export { type PaidPage, type PayFetchInit, payFetch } from './payFetch/payFetch.ts'
export type { Payment } from './payFetch/payment.ts'
export type { MaxAmount, Terms } from './payFetch/terms.ts'
export { type ProviderClaims, signClaimFiles } from './providerClaims.ts'
export { type JobQuote, type JobQuotes, quoteJob } from './quotes.ts'
export * from './receipts.ts'
export { type ReceiptVerdict, verifyReceipt } from './receiptVerification.ts'
export { createRequesterJournal, receiptPath } from './requesterJournal.ts'
export * from './rewards.ts'
export * from './signingSet.ts'
export * from './staking.ts'
export { packageVersion } from './version.ts'
export { findWallet, OWNER_ROLE, openWallet, WALLET_FILE, writeWallet } from './wallet.ts'
