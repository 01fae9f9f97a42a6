import {
  BATCH,
  CHANNEL_CONFIG,
  CHECKPOINT,
  DELIVERY,
  EVIDENCE_KIND,
  HEAD,
  JOB,
  JOB_OUTCOME,
  JOB_STATE,
  LEAF,
  LOAD,
  OFFER,
  OUTCOME,
  REASON,
  RECEIPT,
  REFUSAL_CODES,
  REWARD_ROOT,
  ROUND,
  SESSION_GRANT,
  TERMS,
  VOID_ROOT,
  VOTE,
} from '../protocol/index.ts'
import { WIRE_LIMITS } from './constants.ts'
import {
  address,
  bigint,
  bool,
  bytes,
  code,
  digest,
  embed,
  frames,
  list,
  message,
  named,
  optional,
  registered,
  type Shape,
  signature,
  struct,
  text,
  uint32,
  uint64,
  without,
} from './fields.ts'
import * as gossip from './generated/opg/v1/gossip_pb.ts'
import * as infer from './generated/opg/v1/infer_pb.ts'
import * as ledger from './generated/opg/v1/ledger_pb.ts'
import * as objects from './generated/opg/v1/objects_pb.ts'
import * as payment from './generated/opg/v1/payment_pb.ts'
import * as records from './generated/opg/v1/records_pb.ts'
import * as signed from './generated/opg/v1/signed_pb.ts'
import * as sync from './generated/opg/v1/sync_pb.ts'
import { EQUIVOCATION, type WireMessages, type WireType } from './messages.ts'

type M = WireMessages

const max = <N extends keyof typeof WIRE_LIMITS>(name: N): number => WIRE_LIMITS[name].value

/** Text that cannot move a cursor, break a log line or hide what it says. */
const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}]*$/u
const MULTIADDR = /^\/[\x21-\x7e]+$/

const SessionGrant = struct(objects.SessionGrantSchema, SESSION_GRANT)
const Terms = struct(objects.TermsSchema, TERMS)
const Offer = struct(objects.OfferSchema, OFFER)
const Load = struct(objects.LoadSchema, LOAD)
const Job = struct(objects.JobSchema, JOB)
const Head = struct(objects.HeadSchema, HEAD)
const Receipt = struct(objects.ReceiptSchema, RECEIPT)
const Checkpoint = struct(objects.CheckpointSchema, CHECKPOINT)
const Vote = struct(objects.VoteSchema, VOTE)
const Delivery = struct(objects.DeliverySchema, DELIVERY)
const Batch = struct(objects.BatchSchema, BATCH)
const Leaf = struct(objects.LeafSchema, LEAF)
const RewardRoot = struct(objects.RewardRootSchema, REWARD_ROOT)
const VoidRoot = struct(objects.VoidRootSchema, VOID_ROOT)

const GpuEvidence = message<M['GpuEvidence']>(signed.GpuEvidenceSchema, {
  document: bytes(max('gpuDocument'), 1),
  collateral: bytes(max('gpuCollateral')),
})
const Evidence = message<M['Evidence']>(signed.EvidenceSchema, {
  kind: named(EVIDENCE_KIND),
  document: bytes(max('evidenceDocument'), 1),
  blockNumber: uint64,
  blockHash: digest,
  collateral: bytes(max('evidenceCollateral')),
  gpu: optional(embed(GpuEvidence)),
})
const SignedGrant = message<M['SignedGrant']>(signed.SignedGrantSchema, {
  grant: embed(SessionGrant),
  signature,
  evidence: optional(embed(Evidence)),
})
const BareGrant = without(SignedGrant, 'evidence')
const SignedOffer = message<M['SignedOffer']>(signed.SignedOfferSchema, {
  offer: embed(Offer),
  signature,
  terms: list(embed(Terms), max('offerTerms')),
  addresses: list(text(max('addressBytes'), MULTIADDR), max('offerAddresses')),
  grant: embed(BareGrant),
})
const OfferHeader = message<M['OfferHeader']>(signed.OfferHeaderSchema, { offer: embed(Offer), signature })
const SignedLoad = message<M['SignedLoad']>(signed.SignedLoadSchema, { load: embed(Load), signature })
const SignedJob = message<M['SignedJob']>(signed.SignedJobSchema, { job: embed(Job), signature })
const SignedHead = message<M['SignedHead']>(signed.SignedHeadSchema, { head: embed(Head), signature })
const SignedReceipt = message<M['SignedReceipt']>(signed.SignedReceiptSchema, { receipt: embed(Receipt), signature })
const SignedCheckpoint = message<M['SignedCheckpoint']>(signed.SignedCheckpointSchema, {
  checkpoint: embed(Checkpoint),
  signature,
})
const SignedDelivery = message<M['SignedDelivery']>(signed.SignedDeliverySchema, {
  delivery: embed(Delivery),
  signature,
})
const RejectionReason = message<M['RejectionReason']>(signed.RejectionReasonSchema, {
  index: uint32(max('voteReasons') - 1),
  code: code(REASON),
})
const SignedVote = message<M['SignedVote']>(signed.SignedVoteSchema, {
  vote: embed(Vote),
  signature,
  reasons: list(embed(RejectionReason), max('voteReasons')),
})
const Sketch = message<M['Sketch']>(signed.SketchSchema, {
  receiptIndex: uint32(max('openingSketches') - 1),
  values: bytes(max('sketchValues')),
})
const WorkOpening = message<M['WorkOpening']>(signed.WorkOpeningSchema, {
  verifier: address,
  checkpoint: digest,
  round: code(ROUND),
  salt: digest,
  lightDigest: digest,
  sketches: list(embed(Sketch), max('openingSketches')),
})
const VoteBundle = message<M['VoteBundle']>(signed.VoteBundleSchema, {
  votes: list(embed(SignedVote), max('bundleVotes')),
  openings: list(embed(WorkOpening), max('bundleOpenings')),
})
const Certificate = message<M['Certificate']>(signed.CertificateSchema, {
  checkpoint: digest,
  votes: list(embed(SignedVote), max('certificateVotes')),
})
const BatchSignature = message<M['BatchSignature']>(signed.BatchSignatureSchema, {
  seat: uint32(max('batchSignatures') - 1),
  signature,
})
const SignedBatch = message<M['SignedBatch']>(signed.SignedBatchSchema, {
  batch: embed(Batch),
  leaves: list(embed(Leaf), max('batchLeaves')),
  signatures: list(embed(BatchSignature), max('batchSignatures')),
  settlerSignature: optional(signature),
})
const Refusal = message<M['Refusal']>(signed.RefusalSchema, {
  jobId: optional(digest),
  code: registered(REFUSAL_CODES),
  message: text(max('refusalMessage'), PRINTABLE),
})
const EquivocationProof = message<M['EquivocationProof']>(gossip.EquivocationProofSchema, {
  kind: named(EQUIVOCATION),
  first: bytes(max('equivocationSide'), 1),
  second: bytes(max('equivocationSide'), 1),
  grant: optional(embed(BareGrant)),
})

const ChannelConfig = struct(payment.ChannelConfigSchema, CHANNEL_CONFIG)
const amount = bigint(16)
const Voucher = message<M['Voucher']>(payment.VoucherSchema, { channel: digest, amount, signature })

const InferRequest = message<M['InferRequest']>(infer.InferRequestSchema, {
  job: embed(Job),
  signature,
  input: bytes(max('input')),
  inputSalt: digest,
  sealed: bool,
  parameters: bytes(max('parameters'), 1),
  voucher: optional(embed(Voucher)),
})
const InferCancel = message<M['InferCancel']>(infer.InferCancelSchema, { jobId: digest })
const InferPayment = message<M['InferPayment']>(infer.InferPaymentSchema, { payload: bytes(max('paymentObject'), 1) })
const InferRecall = message<M['InferRecall']>(infer.InferRecallSchema, { jobId: digest })
const InferPaymentRequired = message<M['InferPaymentRequired']>(infer.InferPaymentRequiredSchema, {
  required: bytes(max('paymentObject'), 1),
})
const InferSettlement = message<M['InferSettlement']>(infer.InferSettlementSchema, {
  settlement: bytes(max('paymentObject'), 1),
})
const InferLedger = message<M['InferLedger']>(infer.InferLedgerSchema, {
  channel: digest,
  charged: amount,
  authorized: amount,
  required: amount,
})
const InferAccepted = message<M['InferAccepted']>(infer.InferAcceptedSchema, {
  jobId: digest,
  grant: digest,
})
const InferChunk = message<M['InferChunk']>(infer.InferChunkSchema, {
  jobId: digest,
  index: uint32(),
  data: bytes(max('chunkData')),
  salt: digest,
})
const InferReceipt = message<M['InferReceipt']>(infer.InferReceiptSchema, {
  receipt: embed(SignedReceipt),
  runtimeClass: digest,
  traceHash: digest,
})
const InferCertificate = message<M['InferCertificate']>(infer.InferCertificateSchema, {
  certificate: embed(Certificate),
  checkpoint: embed(SignedCheckpoint),
  receiptProof: list(digest, max('merklePath')),
})
const InferEnd = message<M['InferEnd']>(infer.InferEndSchema, { jobId: digest, outcome: named(OUTCOME) })

const TranscriptChunk = message<M['TranscriptChunk']>(records.TranscriptChunkSchema, {
  index: uint32(),
  data: bytes(max('chunkData')),
  salt: digest,
})
const Transcript = message<M['Transcript']>(records.TranscriptSchema, {
  inputSalt: digest,
  input: bytes(max('input')),
  parameters: bytes(max('parameters'), 1),
  chunks: list(embed(TranscriptChunk), max('recordChunks')),
})
const JobRecord = message<M['JobRecord']>(records.JobRecordSchema, {
  job: embed(Job),
  jobSignature: signature,
  terms: embed(Terms),
  offer: embed(Offer),
  offerSignature: signature,
  termsIndex: uint32(max('offerTerms') - 1),
  termsProof: list(digest, max('termsPath')),
  heads: list(embed(SignedHead), max('recordHeads')),
  receipt: embed(Receipt),
  receiptSignature: signature,
  runtimeClass: digest,
  traceHash: digest,
  transcript: optional(embed(Transcript)),
  channelConfig: optional(embed(ChannelConfig)),
  voucher: optional(embed(Voucher)),
})
const ChannelAccount = message<M['ChannelAccount']>(ledger.ChannelAccountSchema, {
  id: digest,
  config: embed(ChannelConfig),
  voucher: optional(embed(Voucher)),
  charged: amount,
  receipted: amount,
  closing: bool,
})
const JobAccount = message<M['JobAccount']>(ledger.JobAccountSchema, {
  jobId: digest,
  channel: digest,
  state: named(JOB_STATE),
  outcome: optional(named(JOB_OUTCOME)),
  slice: amount,
  maxFee: amount,
  fee: amount,
  covered: amount,
  quorum: bool,
  since: uint64,
})
const JobProgress = message<M['JobProgress']>(ledger.JobProgressSchema, {
  jobId: digest,
  heads: list(embed(SignedHead), max('recordHeads')),
  chunks: list(embed(TranscriptChunk), max('recordChunks')),
})
const RecordsRequest = message<M['RecordsRequest']>(records.RecordsRequestSchema, {
  checkpoint: digest,
  from: uint32(max('pushRecords') - 1),
  count: uint32(max('pushRecords')),
})
const CheckpointPush = message<M['CheckpointPush']>(records.CheckpointPushSchema, {
  checkpoint: embed(SignedCheckpoint),
  records: list(embed(JobRecord), max('pushRecords')),
})
const GrantFrame = message<M['GrantFrame']>(records.GrantFrameSchema, { grant: embed(SignedGrant) })
const RecordFrame = message<M['RecordFrame']>(records.RecordFrameSchema, {
  index: uint32(max('pushRecords') - 1),
  record: embed(JobRecord),
  more: bool,
})
const RecordPart = message<M['RecordPart']>(records.RecordPartSchema, {
  index: uint32(max('pushRecords') - 1),
  heads: list(embed(SignedHead), max('recordHeads')),
  chunks: list(embed(TranscriptChunk), max('recordChunks')),
  more: bool,
})
const RecordsEnd = message<M['RecordsEnd']>(records.RecordsEndSchema, {
  count: uint32(max('pushRecords')),
  recordsHash: digest,
})
const CertificateNotice = message<M['CertificateNotice']>(records.CertificateNoticeSchema, {
  certificate: embed(Certificate),
})

const OffersRequest = message<M['OffersRequest']>(sync.OffersRequestSchema, {
  after: optional(address),
  count: uint32(max('pageOffers')),
})
const OffersResponse = message<M['OffersResponse']>(sync.OffersResponseSchema, {
  offers: list(embed(SignedOffer), max('pageOffers')),
  more: bool,
})
const GrantRequest = message<M['GrantRequest']>(sync.GrantRequestSchema, { grant: digest })
const GrantResponse = message<M['GrantResponse']>(sync.GrantResponseSchema, { grant: embed(SignedGrant) })
const CheckpointsRequest = message<M['CheckpointsRequest']>(sync.CheckpointsRequestSchema, {
  operator: address,
  from: uint64,
  count: uint32(max('pageCheckpoints')),
})
const CheckpointRequest = message<M['CheckpointRequest']>(sync.CheckpointRequestSchema, {
  checkpoint: digest,
})
const CheckpointsResponse = message<M['CheckpointsResponse']>(sync.CheckpointsResponseSchema, {
  checkpoints: list(embed(SignedCheckpoint), max('pageCheckpoints')),
  more: bool,
})
const VotesRequest = message<M['VotesRequest']>(sync.VotesRequestSchema, { checkpoint: digest })
const VotesResponse = message<M['VotesResponse']>(sync.VotesResponseSchema, {
  bundle: embed(VoteBundle),
  more: bool,
})
const BatchRequest = message<M['BatchRequest']>(sync.BatchRequestSchema, { number: uint64 })
const BatchResponse = message<M['BatchResponse']>(sync.BatchResponseSchema, { batch: embed(SignedBatch) })
const BatchProposal = message<M['BatchProposal']>(sync.BatchProposalSchema, {
  batch: embed(SignedBatch),
  certificates: list(embed(Certificate), max('batchLeaves')),
})
const LatestRequest = message<M['LatestRequest']>(sync.LatestRequestSchema, { operator: address })
const LatestResponse = message<M['LatestResponse']>(sync.LatestResponseSchema, {
  operator: address,
  grant: optional(embed(BareGrant)),
  offer: optional(embed(OfferHeader)),
  load: optional(embed(SignedLoad)),
  receipt: optional(embed(SignedReceipt)),
  checkpoint: optional(embed(SignedCheckpoint)),
  vote: optional(embed(SignedVote)),
})
const PeersRequest = message<M['PeersRequest']>(sync.PeersRequestSchema, { count: uint32(max('pagePeers')) })
const PeersResponse = message<M['PeersResponse']>(sync.PeersResponseSchema, {
  addresses: list(text(max('addressBytes'), MULTIADDR), max('pagePeers')),
})
const SyncEnd = message<M['SyncEnd']>(sync.SyncEndSchema, { count: uint32() })

const InferClientFrame = frames<M['InferClientFrame']>(infer.InferClientFrameSchema, {
  request: InferRequest,
  voucher: Voucher,
  cancel: InferCancel,
  payment: InferPayment,
  recall: InferRecall,
})
const InferServerFrame = frames<M['InferServerFrame']>(infer.InferServerFrameSchema, {
  accepted: InferAccepted,
  chunk: InferChunk,
  head: SignedHead,
  receipt: InferReceipt,
  certificate: InferCertificate,
  end: InferEnd,
  refusal: Refusal,
  paymentRequired: InferPaymentRequired,
  settlement: InferSettlement,
  ledger: InferLedger,
})
const RecordsFrame = frames<M['RecordsFrame']>(records.RecordsFrameSchema, {
  request: RecordsRequest,
  push: CheckpointPush,
  grant: GrantFrame,
  record: RecordFrame,
  part: RecordPart,
  end: RecordsEnd,
  delivery: SignedDelivery,
  votes: VoteBundle,
  certificate: CertificateNotice,
  refusal: Refusal,
})
const SyncFrame = frames<M['SyncFrame']>(sync.SyncFrameSchema, {
  offersRequest: OffersRequest,
  offers: OffersResponse,
  grantRequest: GrantRequest,
  grant: GrantResponse,
  checkpointsRequest: CheckpointsRequest,
  checkpointRequest: CheckpointRequest,
  checkpoints: CheckpointsResponse,
  votesRequest: VotesRequest,
  votes: VotesResponse,
  batchRequest: BatchRequest,
  batch: BatchResponse,
  proposal: BatchProposal,
  signature: BatchSignature,
  latestRequest: LatestRequest,
  latest: LatestResponse,
  peersRequest: PeersRequest,
  peers: PeersResponse,
  end: SyncEnd,
  refusal: Refusal,
})

/** The one table that says what every message means; limits, codec, documents and test values are derived from it. */
export const SCHEMAS: { readonly [T in WireType]: Shape<WireMessages[T]> } = {
  SessionGrant,
  Terms,
  Offer,
  Load,
  Job,
  Head,
  Receipt,
  Checkpoint,
  Vote,
  Delivery,
  Batch,
  Leaf,
  RewardRoot,
  VoidRoot,
  GpuEvidence,
  Evidence,
  SignedGrant,
  SignedOffer,
  OfferHeader,
  SignedLoad,
  SignedJob,
  SignedHead,
  SignedReceipt,
  SignedCheckpoint,
  SignedDelivery,
  RejectionReason,
  SignedVote,
  Sketch,
  WorkOpening,
  VoteBundle,
  Certificate,
  BatchSignature,
  SignedBatch,
  Refusal,
  EquivocationProof,
  InferRequest,
  InferCancel,
  InferPayment,
  InferRecall,
  InferClientFrame,
  InferAccepted,
  InferChunk,
  InferReceipt,
  InferCertificate,
  InferEnd,
  InferPaymentRequired,
  InferSettlement,
  InferLedger,
  InferServerFrame,
  ChannelConfig,
  Voucher,
  ChannelAccount,
  JobAccount,
  JobProgress,
  TranscriptChunk,
  Transcript,
  JobRecord,
  RecordsRequest,
  CheckpointPush,
  GrantFrame,
  RecordFrame,
  RecordPart,
  RecordsEnd,
  CertificateNotice,
  RecordsFrame,
  OffersRequest,
  OffersResponse,
  GrantRequest,
  GrantResponse,
  CheckpointsRequest,
  CheckpointRequest,
  CheckpointsResponse,
  VotesRequest,
  VotesResponse,
  BatchRequest,
  BatchResponse,
  BatchProposal,
  LatestRequest,
  LatestResponse,
  PeersRequest,
  PeersResponse,
  SyncEnd,
  SyncFrame,
}
