import {
  ASSURANCE,
  CHECKPOINT,
  type ChannelConfig,
  type Checkpoint,
  ChunkChain,
  channelIdOf,
  chargeOf,
  createChannelDomain,
  type Digest,
  digestOf,
  H,
  HEAD,
  type Head,
  hexToBytes,
  inputHashOf,
  JOB,
  type Job,
  type JobRecord,
  MODE,
  maskOf,
  merkleProof,
  merkleRoot,
  modelsRootOf,
  OFFER,
  type Offer,
  PRIVACY,
  parametersHashOf,
  parametersOf,
  RECEIPT,
  type Receipt,
  SESSION_GRANT,
  type SessionGrant,
  type SignedCheckpoint,
  type SignedGrant,
  STATUS,
  TERMS,
  type Terms,
  TIER,
  type TranscriptChunk,
  traceDigestOf,
  utf8,
  type Voucher,
  voucherDigest,
  ZERO_ADDRESS,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import type { JudgedGrant, PaymentContext, ReceiptContext } from '../../src/verification/index.ts'
import { crypto, DOMAIN, signerOf } from './votes.ts'

export const NOW = 1_800_000_100_000
export const PROVIDER = signerOf('provider')
export const SESSION = signerOf('session')
export const REQUESTER = signerOf('requester')
export const MODEL = H('test/model')
export const RUNTIME = H('test/runtime')
export const PARAMETERS = parametersOf('devnet')
const OTHER_TERMS_DIGEST = H('test/other-terms')

/** Each hook changes one object before it is hashed or signed, so that everything after it stays consistent. */
export interface RecordHooks {
  readonly sequence?: number
  readonly nonce?: Digest
  readonly model?: Digest
  readonly input?: Uint8Array
  readonly parameters?: Uint8Array
  readonly output?: Uint8Array
  readonly runtimeClass?: Digest
  readonly traceHash?: Digest
  readonly units?: number
  readonly inputUnits?: number
  readonly startedAt?: number
  readonly grant?: SignedGrant
  readonly terms?: Partial<Terms>
  readonly offer?: Partial<Offer>
  readonly job?: Partial<Job>
  readonly heads?: (heads: readonly Head[]) => readonly Head[]
  readonly receipt?: (receipt: Receipt) => Receipt
  /** Changes the record after all signatures. */
  readonly record?: (record: JobRecord) => JobRecord
}

export function buildGrant(change: Partial<SessionGrant> = {}): SignedGrant {
  const grant: SessionGrant = {
    operator: PROVIDER.address,
    sessionKey: SESSION.address,
    encryptionKey: H('test/encryption'),
    evidence: H('test/evidence'),
    modelsRoot: modelsRootOf([MODEL]),
    policyEpoch: 1,
    previousGrant: ZERO_DIGEST,
    notBefore: NOW - 60_000,
    notAfter: NOW + 3_600_000,
    ...change,
  }
  return { grant, signature: PROVIDER.sign(digestOf(DOMAIN, SESSION_GRANT, grant)) }
}

export const grantDigest = ({ grant }: SignedGrant): Digest => digestOf(DOMAIN, SESSION_GRANT, grant)

const CHUNK_BYTES = 40

/** A record in which everything holds, but for what the hooks change. */
export function buildRecord(hooks: RecordHooks = {}): JobRecord {
  const signedGrant = hooks.grant ?? buildGrant()
  const grant = grantDigest(signedGrant)
  const terms: Terms = {
    operator: PROVIDER.address,
    model: hooks.model ?? MODEL,
    macIn: 0n,
    macOut: 5_000_000n,
    memoryMB: 100,
    referenceRate: 100,
    token: ZERO_ADDRESS,
    perRequest: 1_000_000_000n,
    perGMAC: 2_000_000_000n,
    perSecond: 3_000_000n,
    perGBSecond: 1_000n,
    minVerifyFee: 1_000n,
    maxOutputUnits: 16,
    validUntil: NOW + 30_000,
    ...hooks.terms,
  }
  const termsHash = digestOf(DOMAIN, TERMS, terms)
  const leaves = [OTHER_TERMS_DIGEST, termsHash]
  const offer: Offer = {
    operator: PROVIDER.address,
    grant,
    termsRoot: merkleRoot('terms', leaves),
    termsCount: 2,
    tiers: maskOf([TIER.signed, TIER.replay]),
    privacy: maskOf([PRIVACY.open, PRIVACY.committee]),
    addressesHash: H('test/addresses'),
    sequence: 4,
    validUntil: NOW + 30_000,
    ...hooks.offer,
  }
  const inputSalt = H('test/input-salt')
  const input = hooks.input ?? utf8('input')
  const parameters = hooks.parameters ?? utf8('{}')
  const job: Job = {
    requester: REQUESTER.address,
    provider: PROVIDER.address,
    grant,
    model: terms.model,
    inputHash: inputHashOf(inputSalt, input),
    parametersHash: parametersHashOf(parameters),
    terms: termsHash,
    tier: TIER.replay,
    privacy: PRIVACY.open,
    mode: MODE.quorum,
    token: ZERO_ADDRESS,
    channel: ZERO_DIGEST,
    maxFee: 10n ** 18n,
    maxOutputUnits: 8,
    nonce: hooks.nonce ?? H('test/nonce', hooks.sequence ?? 0),
    createdAt: NOW - 1_000,
    deadline: NOW + 10_000,
    ...hooks.job,
  }
  const jobId = digestOf(DOMAIN, JOB, job)
  const output = hooks.output ?? utf8('an output that is long enough to be cut into some chunks of forty bytes each')
  const chunks = chunksOf(output)
  const startedAt = hooks.startedAt ?? NOW - 900
  const usage = {
    inputUnits: hooks.inputUnits ?? 0,
    outputUnits: hooks.units ?? 1,
    startedAt,
    finishedAt: startedAt + 30,
  }
  const charge = chargeOf(terms, usage)
  const chain = new ChunkChain(jobId)
  const plain: Head[] = []
  for (const chunk of chunks) {
    chain.accept(chunk)
    const last = chunk.index === chunks.length
    plain.push({
      jobId,
      grant,
      index: chunk.index,
      head: chain.head,
      outputUnits: last ? usage.outputUnits : 0,
      fee: last ? charge.fee : 0n,
    })
  }
  const heads = (hooks.heads ?? ((list) => list))(plain)
  const runtimeClass = hooks.runtimeClass ?? RUNTIME
  const traceHash = hooks.traceHash ?? H('test/trace')
  const whole: Receipt = {
    jobId,
    grant,
    provider: job.provider,
    requester: job.requester,
    channel: job.channel,
    sequence: hooks.sequence ?? 0,
    model: job.model,
    inputHash: job.inputHash,
    parametersHash: job.parametersHash,
    terms: job.terms,
    outputHead: chain.head,
    headsRoot: merkleRoot(
      'head',
      heads.map((head) => digestOf(DOMAIN, HEAD, head)),
    ),
    chunks: chunks.length,
    ...usage,
    ...charge,
    memoryMB: terms.memoryMB,
    chargedAfter: 0n,
    evidence: signedGrant.grant.evidence,
    trace: traceDigestOf(runtimeClass, traceHash),
    assurance: ASSURANCE.simulated,
    status: STATUS.complete,
  }
  const receipt = hooks.receipt?.(whole) ?? whole
  const record: JobRecord = {
    job,
    jobSignature: REQUESTER.sign(jobId),
    terms,
    offer,
    offerSignature: PROVIDER.sign(digestOf(DOMAIN, OFFER, offer)),
    termsIndex: 1,
    termsProof: merkleProof('terms', leaves, 1),
    heads: heads.map((head) => ({ head, signature: SESSION.sign(digestOf(DOMAIN, HEAD, head)) })),
    receipt,
    receiptSignature: SESSION.sign(digestOf(DOMAIN, RECEIPT, receipt)),
    runtimeClass,
    traceHash,
    transcript: { inputSalt, input, parameters, chunks },
  }
  return hooks.record?.(record) ?? record
}

function chunksOf(output: Uint8Array): TranscriptChunk[] {
  const chunks: TranscriptChunk[] = []
  for (let at = 0; at < output.length; at += CHUNK_BYTES) {
    const index = chunks.length + 1
    chunks.push({ index, data: output.subarray(at, at + CHUNK_BYTES), salt: H('test/chunk-salt', index) })
  }
  return chunks
}

/** A checkpoint over these records, signed by the provider. */
export function buildCheckpoint(records: readonly JobRecord[], change: Partial<Checkpoint> = {}): SignedCheckpoint {
  const first = records[0]?.receipt
  const checkpoint: Checkpoint = {
    operator: PROVIDER.address,
    grant: first?.grant ?? ZERO_DIGEST,
    sequence: 0,
    previous: ZERO_DIGEST,
    firstSequence: first?.sequence ?? 0,
    count: records.length,
    receiptsRoot: merkleRoot(
      'receipt',
      records.map(({ receipt }) => digestOf(DOMAIN, RECEIPT, receipt)),
    ),
    totalFee: records.reduce((sum, { receipt }) => sum + receipt.fee, 0n),
    epoch: 1,
    blockNumber: 98,
    blockHash: H('test/block', 98),
    createdAt: NOW,
    ...change,
  }
  return { checkpoint, signature: PROVIDER.sign(checkpointDigest(checkpoint)) }
}

export const checkpointDigest = (checkpoint: Checkpoint): Digest => digestOf(DOMAIN, CHECKPOINT, checkpoint)

export const judgedGrant = (signed: SignedGrant = buildGrant()): JudgedGrant => ({
  grant: signed.grant,
  digest: grantDigest(signed),
  verdict: { ok: true, value: { assurance: ASSURANCE.simulated, notChecked: 0 } },
})

/** Where the fees of the provider go. */
export const PAYMENT: PaymentContext = {
  domain: createChannelDomain(DOMAIN.chainId, `0x${'c4'.repeat(20)}`),
  token: ZERO_ADDRESS,
  splitter: `0x${'5b'.repeat(20)}`,
}

/** The context in which `buildRecord()` alone in `buildCheckpoint` passes. */
export function contextOf(record: JobRecord, change: Partial<ReceiptContext> = {}): ReceiptContext {
  return {
    domain: DOMAIN,
    profile: 'devnet',
    parameters: PARAMETERS,
    crypto,
    checkpoint: buildCheckpoint([record]).checkpoint,
    index: 0,
    grant: judgedGrant(),
    payment: PAYMENT,
    totalFee: record.receipt.fee,
    exposed: 0n,
    exposureLimit: 10n ** 20n,
    isBilled: () => false,
    ...change,
  }
}

/** A signature over the same digest by somebody else. */
export const forgedSignature = (digest: Digest): `0x${string}` => signerOf('forger').sign(digest)
export const someBytes = (text: string): Uint8Array => hexToBytes(H(text))

/** The channel on which the requester pays the provider, but for what `change` says. */
export const channelConfigOf = (change: Partial<ChannelConfig> = {}): ChannelConfig => ({
  payer: signerOf('payer').address,
  payerAuthorizer: REQUESTER.address,
  receiver: PAYMENT.splitter,
  receiverAuthorizer: PROVIDER.address,
  token: PAYMENT.token,
  withdrawDelay: PARAMETERS.withdrawDelay / 1_000,
  salt: DOMAIN.networkId,
  ...change,
})

/** A voucher of that channel, signed by the requester or by `signer`. */
export function voucherOf(channel: Digest, amount: bigint, signer = REQUESTER): Voucher {
  return { channel, amount, signature: signer.sign(voucherDigest(PAYMENT.domain, { channel, amount })) }
}

/** A paid record in which everything holds: `spent` is what the channel was charged before. */
export function buildPaidRecord(
  hooks: RecordHooks & { readonly config?: Partial<ChannelConfig>; readonly spent?: bigint } = {},
): JobRecord {
  const config = channelConfigOf(hooks.config)
  const channel = channelIdOf(PAYMENT.domain, config)
  const spent = hooks.spent ?? 0n
  return buildRecord({
    ...hooks,
    job: { channel, ...hooks.job },
    receipt: (receipt) => {
      const paid = { ...receipt, chargedAfter: spent + receipt.fee }
      return hooks.receipt?.(paid) ?? paid
    },
    record: (record) => {
      const paid = { ...record, channelConfig: config, voucher: voucherOf(channel, spent + record.receipt.fee) }
      return hooks.record?.(paid) ?? paid
    },
  })
}
