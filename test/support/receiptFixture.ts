import {
  createSimulatedAuthority,
  devnetPolicy,
  evidenceDigest,
  type SimulatedAuthority,
  simulatedAttester,
  verifyPeerEvidence,
} from '../../src/attestation/index.ts'
import { nodeAttestationCrypto } from '../../src/node/attestationCrypto.ts'
import { nodeSecp256k1 } from '../../src/node/crypto.ts'
import { devnetPrivateKey } from '../../src/node/devnetKeys.ts'
import {
  ASSURANCE,
  allBits,
  batchDigest,
  bit,
  buildBatch,
  CHECKPOINT,
  type Checkpoint,
  ceilingOf,
  chargeOf,
  createDomain,
  createSigner,
  type Digest,
  digestOf,
  fail,
  firstHead,
  HEAD,
  hexToBytes,
  inputHashOf,
  JOB,
  type Job,
  keccak,
  leafProofOf,
  METHOD,
  MODE,
  merkleProof,
  merkleRoot,
  modelsRootOf,
  nextHead,
  ok,
  PRIVACY,
  parametersHashOf,
  parametersOf,
  REASON,
  RECEIPT,
  type Receipt,
  type ReceiptCheckContext,
  type ReceiptFile,
  ROUND,
  reasonsRoot,
  reportData,
  SESSION_GRANT,
  type SettledCheckpoint,
  type SignedVote,
  type Signer,
  STATUS,
  signOffer,
  type Terms,
  TIER,
  termsDigest,
  termsProofOf,
  traceDigestOf,
  utf8,
  VOTE,
  ZERO_ADDRESS,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'

const crypto = nodeSecp256k1()
const subtle = globalThis.crypto.subtle
const random = (length: number): Uint8Array => globalThis.crypto.getRandomValues(new Uint8Array(length))
const NOW = Date.UTC(2026, 5, 1, 12)
const parameters = parametersOf('devnet')
const hash = (text: string): Digest => keccak(utf8(text))
const model = hash('model')

export const signerOf = (role: string, index = 0): Signer =>
  createSigner(crypto, devnetPrivateKey('receipt', role, index))

export interface ReceiptFixture {
  readonly file: ReceiptFile
  readonly context: ReceiptCheckContext
  readonly authority: SimulatedAuthority
  /** The seven who voted, by seat. */
  readonly committee: readonly { readonly seat: number; readonly verifier: `0x${string}` }[]
}

/** An evidence port as a node has it, under one simulated authority. */
export const evidencePort =
  (authority: Pick<SimulatedAuthority, 'trustRoot'>): ReceiptCheckContext['verifyEvidence'] =>
  async (evidence, binding, at) => {
    const verdict = await verifyPeerEvidence(evidence, {
      now: at,
      trustRoots: [authority.trustRoot],
      binding,
      policy: devnetPolicy(),
      crypto: nodeAttestationCrypto(),
    })
    if (!verdict.ok) return fail({ code: verdict.error.code, message: verdict.error.message })
    const { assurance, notChecked } = verdict.value
    const digest = evidenceDigest(evidence.kind, evidence.document)
    return ok({ assurance: ASSURANCE[assurance], notChecked, digest })
  }

/** A whole receipt file made with real keys: three heads, receipt 1 of 3, seven votes, leaf of a batch of two. */
export async function makeReceiptFixture(decision: 'accepted' | 'rejected' = 'accepted'): Promise<ReceiptFixture> {
  const network = { chainId: 31337, stakeManager: `0x${'ab'.repeat(20)}`, networkId: hash('network') } as const
  const domain = createDomain(network.chainId, network.stakeManager, network.networkId)
  const [operator, session, requester] = [signerOf('provider'), signerOf('session'), signerOf('requester')]
  const authority = await createSimulatedAuthority({ subtle, random }, { label: 'receipt', now: NOW })
  const attester = simulatedAttester(
    { authority, subtle },
    {
      instanceId: 'i-1',
      measurements: { code: { bytes: utf8('a') }, configuration: { bytes: utf8('b') }, models: { bytes: utf8('c') } },
    },
  )
  const bound = {
    operator: operator.address,
    sessionKey: session.address,
    encryptionKey: hash('encryption'),
    modelsRoot: modelsRootOf([model]),
    blockNumber: 40,
    blockHash: hash('block'),
  }
  const { document } = await attester.attest(
    hexToBytes(reportData({ ...bound, chainId: domain.chainId, networkId: domain.networkId })),
    NOW,
  )
  const { blockNumber, blockHash, ...keys } = bound
  const grant = {
    ...keys,
    evidence: evidenceDigest('nitro', document),
    policyEpoch: 3,
    previousGrant: ZERO_DIGEST,
    notBefore: NOW,
    notAfter: NOW + parameters.grantLife,
  }
  const grantDigest = digestOf(domain, SESSION_GRANT, grant)
  const signedGrant = { grant, signature: operator.sign(grantDigest) }
  const terms = (of: Digest): Terms => ({
    operator: operator.address,
    model: of,
    macIn: 0n,
    macOut: 2_208n,
    memoryMB: 16,
    referenceRate: 2_000,
    token: ZERO_ADDRESS,
    perRequest: 1_000_000n,
    perGMAC: 5_000_000n,
    perSecond: 7_000_000n,
    perGBSecond: 9_000_000n,
    minVerifyFee: 1n,
    maxOutputUnits: 256,
    validUntil: NOW + 60_000,
  })
  const offer = signOffer(domain, operator, {
    terms: [terms(hash('other')), terms(model), terms(hash('third'))],
    addresses: ['/ip4/127.0.0.1/tcp/4801'],
    grant: signedGrant,
    grantDigest,
    tiers: [TIER['tee+replay']],
    privacy: [PRIVACY.open],
    sequence: 9,
    validUntil: NOW + 60_000,
  })
  const jobTerms = offer.terms[1] as Terms
  const input = utf8('{"image":"..."}')
  const jobParameters = utf8('{}')
  const job: Job = {
    requester: requester.address,
    provider: operator.address,
    grant: grantDigest,
    model,
    inputHash: inputHashOf(hash('salt'), input),
    parametersHash: parametersHashOf(jobParameters),
    terms: termsDigest(domain, jobTerms),
    tier: TIER['tee+replay'],
    privacy: PRIVACY.open,
    mode: MODE.quorum,
    token: ZERO_ADDRESS,
    channel: ZERO_DIGEST,
    maxFee: ceilingOf(jobTerms, 0, 4),
    maxOutputUnits: 4,
    nonce: hash('nonce'),
    createdAt: NOW + 1_000,
    deadline: NOW + 31_000,
  }
  const jobId = digestOf(domain, JOB, job)
  const usage = { inputUnits: 0, outputUnits: 3, startedAt: NOW + 1_010, finishedAt: NOW + 1_012 }
  const charge = chargeOf(jobTerms, usage)
  const chunks = [0, 1, 2].map((at) => ({ data: utf8(`part ${at}`), salt: hash(`chunk ${at}`) }))
  let at = firstHead(jobId)
  const heads = chunks.map((chunk, index) => {
    at = nextHead(at, index + 1, chunk)
    const last = index === chunks.length - 1
    const head = {
      jobId,
      grant: grantDigest,
      index: index + 1,
      head: at,
      outputUnits: last ? usage.outputUnits : index,
      fee: last ? charge.fee : BigInt(index),
    }
    return { head, signature: session.sign(digestOf(domain, HEAD, head)) }
  })
  const [runtimeClass, traceHash] = [hash('class'), hash('trace')]
  const receipt: Receipt = {
    jobId,
    grant: grantDigest,
    provider: job.provider,
    requester: job.requester,
    channel: job.channel,
    sequence: 12,
    model,
    inputHash: job.inputHash,
    parametersHash: job.parametersHash,
    terms: job.terms,
    outputHead: at,
    headsRoot: merkleRoot(
      'head',
      heads.map(({ head }) => digestOf(domain, HEAD, head)),
    ),
    chunks: chunks.length,
    ...usage,
    ...charge,
    memoryMB: jobTerms.memoryMB,
    chargedAfter: 0n,
    evidence: grant.evidence,
    trace: traceDigestOf(runtimeClass, traceHash),
    assurance: ASSURANCE.simulated,
    status: STATUS.complete,
  }
  const receiptDigest = digestOf(domain, RECEIPT, receipt)
  const receipts = [hash('receipt 0'), receiptDigest, hash('receipt 2')]
  const checkpoint: Checkpoint = {
    operator: operator.address,
    grant: grantDigest,
    sequence: 4,
    previous: hash('previous'),
    firstSequence: 11,
    count: 3,
    receiptsRoot: merkleRoot('receipt', receipts),
    totalFee: 3n,
    epoch: 3,
    blockNumber: 50,
    blockHash: hash('seed'),
    createdAt: NOW + 2_000,
  }
  const checkpointDigest = digestOf(domain, CHECKPOINT, checkpoint)
  const signedCheckpoint = { checkpoint, signature: operator.sign(checkpointDigest) }
  const votes = [...Array(7).keys()].map((seat): SignedVote => {
    const verifier = signerOf('verifier', seat)
    const own = decision === 'rejected' ? bit(1) : 0n
    const rejected = bit(2) | own
    const reasons = [
      ...(own === 0n ? [] : [{ index: 1, code: REASON['output-mismatch'] }]),
      { index: 2, code: REASON['fee-mismatch'] },
    ]
    const vote = {
      verifier: verifier.address,
      seat: seat * 3,
      checkpoint: checkpointDigest,
      round: ROUND.fast,
      accepted: allBits(3) & ~rejected,
      rejected,
      replayed: allBits(3),
      reasons: reasonsRoot(reasons),
      methods: METHOD.signatures | METHOD['exact-replay'],
      assurance: ASSURANCE.simulated,
      notChecked: 0,
      workCommit: hash(`work ${seat}`),
      seenAt: NOW + 2_100,
    }
    return { vote, signature: verifier.sign(digestOf(domain, VOTE, vote)), reasons }
  })
  const settled = (
    signed: typeof signedCheckpoint,
    digest: Digest,
    cast: readonly SignedVote[],
  ): SettledCheckpoint => ({
    signed,
    digest,
    accepted: decision === 'accepted' ? bit(0) | bit(1) : bit(0),
    rejected: decision === 'accepted' ? bit(2) : bit(1) | bit(2),
    votes: cast,
    receipts: receipts.map((digest) => ({ digest, fee: 1n, mac: 2n })),
  })
  const otherCheckpoint = { ...checkpoint, sequence: 5, firstSequence: 14 }
  const otherDigest = digestOf(domain, CHECKPOINT, otherCheckpoint)
  const other = settled({ checkpoint: otherCheckpoint, signature: operator.sign(otherDigest) }, otherDigest, [])
  const { batch, leaves } = buildBatch(domain, {
    number: 6,
    previous: hash('batch 5'),
    epoch: 3,
    settler: signerOf('settler').address,
    cutoff: NOW + 4_000,
    settled: [settled(signedCheckpoint, checkpointDigest, votes), other],
  })
  const signers = [0, 1, 2].map((index) => signerOf('verifier', index))
  const file: ReceiptFile = {
    network,
    job: { job, signature: requester.sign(jobId) },
    grant: signedGrant,
    terms: {
      terms: jobTerms,
      offer: offer.offer,
      offerSignature: offer.signature,
      index: 1,
      proof: termsProofOf(domain, offer, 1),
    },
    receipt: { receipt, signature: session.sign(receiptDigest), runtimeClass, traceHash },
    heads,
    evidence: { kind: 'nitro', document, blockNumber, blockHash, collateral: new Uint8Array(0) },
    transcript: { inputSalt: hash('salt'), input, parameters: jobParameters, chunks },
    batchProof: {
      checkpoint: signedCheckpoint,
      receiptProof: merkleProof('receipt', receipts, 1),
      votes,
      anchored: {
        batch,
        leaf: leaves[0]!,
        leafProof: leafProofOf(leaves, 0),
        signatures: signers.map((signer) => ({
          signer: signer.address,
          signature: signer.sign(batchDigest(domain, batch)),
        })),
      },
    },
  }
  return {
    file,
    context: { crypto, parameters, verifyEvidence: evidencePort(authority) },
    authority,
    committee: votes.map(({ vote }) => ({ seat: vote.seat, verifier: vote.verifier })),
  }
}
