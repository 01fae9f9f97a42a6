import { defineStruct, type StructType, type StructValue } from './eip712.ts'

/** R12: what an answer is backed by. `zk` is reserved: no offer may carry it. */
export const TIER = { signed: 1, tee: 2, replay: 3, 'tee+replay': 4 } as const
/** R12: who may see a transcript. */
export const PRIVACY = { open: 1, committee: 2, sealed: 3 } as const
/** R11: what must hold before the answer is handed on. */
export const MODE = { local: 1, buffered: 2, quorum: 3, audited: 4 } as const
export const STATUS = { complete: 1, truncated: 2, failed: 3 } as const
/** R6: from the trust root that matched, weakest first. */
export const ASSURANCE = {
  none: 1,
  simulated: 2,
  'hardware-aws': 3,
  'hardware-intel': 4,
  'hardware-amd': 5,
  'hardware-nvidia': 6,
} as const
/** Vote rounds are numbered from 0 (section 2), unlike enumerations. */
export const ROUND = { fast: 0, escalated: 1, audit: 2, jury: 3 } as const

export type TierName = keyof typeof TIER
export type PrivacyName = keyof typeof PRIVACY
export type ModeName = keyof typeof MODE
export type AssuranceName = keyof typeof ASSURANCE

/** Bits of `Vote.methods`: what a verifier did. */
export const METHOD = {
  signatures: 1 << 0,
  accounting: 1 << 1,
  evidence: 1 << 2,
  'exact-replay': 1 << 3,
  'tolerant-replay': 1 << 4,
  'token-replay': 1 << 5,
} as const

/** Bits of `Vote.notChecked` and of a result: what nobody should believe was looked at. */
export const NOT_CHECKED = {
  output: 1 << 0,
  'evidence-collateral': 1 << 1,
  measurements: 1 << 2,
  'gpu-cpu-colocation': 1 << 3,
  transcript: 1 << 4,
  payment: 1 << 5,
} as const

/** Why a seat rejected a receipt (R14). */
export const REASON = {
  'output-mismatch': 1,
  'trace-mismatch': 2,
  'bad-signature': 3,
  'bad-grant': 4,
  'bad-evidence': 5,
  'stale-policy': 6,
  'job-mismatch': 7,
  'bad-terms': 8,
  'fee-mismatch': 9,
  'over-ceiling': 10,
  late: 11,
  'bad-chain': 12,
  'bad-heads': 13,
  'units-mismatch': 14,
  'below-minimum-fee': 15,
  overexposed: 16,
  'wrong-receiver': 17,
  'bad-charge': 18,
  'bad-sequence': 19,
  'bad-membership': 20,
  'assurance-mismatch': 21,
  'replayed-job': 22,
} as const
export type ReasonName = keyof typeof REASON

/** R4. Signed by the operator; at most 24 h. */
export const SESSION_GRANT = defineStruct('SessionGrant', {
  operator: 'address',
  sessionKey: 'address',
  encryptionKey: 'bytes32',
  evidence: 'bytes32',
  modelsRoot: 'bytes32',
  policyEpoch: 'uint64',
  previousGrant: 'bytes32',
  notBefore: 'uint64',
  notAfter: 'uint64',
})
export type SessionGrant = StructValue<typeof SESSION_GRANT>

/** Final prices of one model at one operator; carried by an offer's `termsRoot`. Amounts in wei of `token`. */
export const TERMS = defineStruct('Terms', {
  operator: 'address',
  model: 'bytes32',
  macIn: 'uint128',
  macOut: 'uint128',
  memoryMB: 'uint64',
  referenceRate: 'uint64',
  token: 'address',
  perRequest: 'uint128',
  perGMAC: 'uint128',
  perSecond: 'uint128',
  perGBSecond: 'uint128',
  minVerifyFee: 'uint128',
  maxOutputUnits: 'uint64',
  validUntil: 'uint64',
})
export type Terms = StructValue<typeof TERMS>

/** Signed by the operator. `tiers` and `privacy` are masks with bit (code - 1). */
export const OFFER = defineStruct('Offer', {
  operator: 'address',
  grant: 'bytes32',
  termsRoot: 'bytes32',
  termsCount: 'uint16',
  tiers: 'uint8',
  privacy: 'uint8',
  addressesHash: 'bytes32',
  sequence: 'uint64',
  validUntil: 'uint64',
})
export type Offer = StructValue<typeof OFFER>

/** Signed by the operator, at most once in 5 s. */
export const LOAD = defineStruct('Load', {
  operator: 'address',
  sequence: 'uint64',
  utilisationPpm: 'uint32',
  freeSlots: 'uint16',
  at: 'uint64',
})
export type Load = StructValue<typeof LOAD>

/** Signed by the requester; its digest is the job id. */
export const JOB = defineStruct(
  'Job',
  {
    requester: 'address',
    provider: 'address',
    grant: 'bytes32',
    model: 'bytes32',
    inputHash: 'bytes32',
    parametersHash: 'bytes32',
    terms: 'bytes32',
    tier: 'uint8',
    privacy: 'uint8',
    mode: 'uint8',
    token: 'address',
    channel: 'bytes32',
    maxFee: 'uint128',
    maxOutputUnits: 'uint64',
    nonce: 'bytes32',
    createdAt: 'uint64',
    deadline: 'uint64',
  },
  { tier: TIER, privacy: PRIVACY, mode: MODE },
)
export type Job = StructValue<typeof JOB>

/** Signed by the session key: first chunk, then at least every 16 chunks or 50 ms, and last. */
export const HEAD = defineStruct('Head', {
  jobId: 'bytes32',
  grant: 'bytes32',
  index: 'uint32',
  head: 'bytes32',
  outputUnits: 'uint64',
  fee: 'uint128',
})
export type Head = StructValue<typeof HEAD>

/** Signed by the session key. `sequence` is gapless per grant. */
export const RECEIPT = defineStruct(
  'Receipt',
  {
    jobId: 'bytes32',
    grant: 'bytes32',
    provider: 'address',
    requester: 'address',
    channel: 'bytes32',
    sequence: 'uint64',
    model: 'bytes32',
    inputHash: 'bytes32',
    parametersHash: 'bytes32',
    terms: 'bytes32',
    outputHead: 'bytes32',
    headsRoot: 'bytes32',
    chunks: 'uint32',
    inputUnits: 'uint64',
    outputUnits: 'uint64',
    mac: 'uint128',
    billedMs: 'uint64',
    memoryMB: 'uint64',
    fee: 'uint128',
    chargedAfter: 'uint128',
    evidence: 'bytes32',
    trace: 'bytes32',
    assurance: 'uint8',
    status: 'uint8',
    startedAt: 'uint64',
    finishedAt: 'uint64',
  },
  { assurance: ASSURANCE, status: STATUS },
)
export type Receipt = StructValue<typeof RECEIPT>

/** Signed by the operator. Leaf i is receipt `firstSequence + i`; at most 256. */
export const CHECKPOINT = defineStruct('Checkpoint', {
  operator: 'address',
  grant: 'bytes32',
  sequence: 'uint64',
  previous: 'bytes32',
  firstSequence: 'uint64',
  count: 'uint16',
  receiptsRoot: 'bytes32',
  totalFee: 'uint128',
  epoch: 'uint64',
  blockNumber: 'uint64',
  blockHash: 'bytes32',
  createdAt: 'uint64',
})
export type Checkpoint = StructValue<typeof CHECKPOINT>

/** Signed by the verifier's operator key. `reasons` is the indexed Merkle root of (receipt index, reason code). */
export const VOTE = defineStruct(
  'Vote',
  {
    verifier: 'address',
    seat: 'uint16',
    checkpoint: 'bytes32',
    round: 'uint8',
    accepted: 'uint256',
    rejected: 'uint256',
    replayed: 'uint256',
    reasons: 'bytes32',
    methods: 'uint32',
    assurance: 'uint8',
    notChecked: 'uint32',
    workCommit: 'bytes32',
    seenAt: 'uint64',
  },
  { round: ROUND, assurance: ASSURANCE },
)
export type Vote = StructValue<typeof VOTE>

/** Signed by the verifier: it received the record bytes with this digest (R10). */
export const DELIVERY = defineStruct('Delivery', {
  verifier: 'address',
  checkpoint: 'bytes32',
  recordsHash: 'bytes32',
  count: 'uint16',
  receivedAt: 'uint64',
})
export type Delivery = StructValue<typeof DELIVERY>

/** Signed by more than 2/3 of the weight of the signing set (R13, R19). `epoch` is the signing set's. */
export const BATCH = defineStruct('Batch', {
  number: 'uint64',
  previous: 'bytes32',
  epoch: 'uint64',
  settler: 'address',
  checkpointsRoot: 'bytes32',
  leaves: 'uint32',
  votesRoot: 'bytes32',
  auditsRoot: 'bytes32',
  auditOf: 'uint64',
  jobs: 'uint32',
  rejected: 'uint32',
  acceptedFee: 'uint128',
  mac: 'uint128',
  data: 'bytes32',
  cutoff: 'uint64',
})
export type Batch = StructValue<typeof BATCH>

/** Not signed alone: its hashStruct is the digest of leaf `index` under `Batch.checkpointsRoot`. */
export const LEAF = defineStruct('Leaf', {
  index: 'uint32',
  operator: 'address',
  sequence: 'uint64',
  checkpoint: 'bytes32',
  receiptsRoot: 'bytes32',
  count: 'uint16',
  accepted: 'uint256',
  rejected: 'uint256',
  slashable: 'uint256',
  acceptedFee: 'uint128',
  certificate: 'bytes32',
})
export type Leaf = StructValue<typeof LEAF>

/**
 * Signed by more than 2/3 of the weight of the signing set: who gets the rewards of an epoch. `voids` is how often the
 * distributor voided roots before; `table` is the sha-256 of the epoch table; `previous` the digest of the root it builds
 * on. Amounts in wei.
 */
export const REWARD_ROOT = defineStruct('RewardRoot', {
  distributor: 'address',
  epoch: 'uint64',
  voids: 'uint32',
  root: 'bytes32',
  leaves: 'uint32',
  total: 'uint128',
  cumulative: 'uint128',
  table: 'bytes32',
  previous: 'bytes32',
})
export type RewardRoot = StructValue<typeof REWARD_ROOT>

/** Signed by more than 2/3 of the weight of the jury of `epoch`: the root with this digest is wrong. */
export const VOID_ROOT = defineStruct('VoidRoot', {
  rewardRoot: 'bytes32',
  epoch: 'uint64',
})
export type VoidRoot = StructValue<typeof VOID_ROOT>

/** Every signed type, in the order the documents list them. */
export const SIGNED_TYPES: readonly StructType[] = [
  SESSION_GRANT,
  TERMS,
  OFFER,
  LOAD,
  JOB,
  HEAD,
  RECEIPT,
  CHECKPOINT,
  VOTE,
  DELIVERY,
  BATCH,
  LEAF,
  REWARD_ROOT,
  VOID_ROOT,
]
