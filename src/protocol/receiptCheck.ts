import { batchDigest, certificateRoot, leafDigest } from './batch.ts'
import { hasBit } from './bitmap.ts'
import { checkVote, tallyVotes } from './certificate.ts'
import { firstHead, inputHashOf, nextHead, traceDigestOf } from './chunks.ts'
import { type Domain, digestOf } from './eip712.ts'
import { CodedError, fail, ok, type Result } from './errors.ts'
import { chargeOf } from './fee.ts'
import { type Address, type Digest, ZERO_DIGEST } from './hex.ts'
import { parametersHashOf } from './jobParameters.ts'
import { merkleRoot, verifyMerkleProof } from './merkle.ts'
import { CHECKPOINT, HEAD, JOB, OFFER, RECEIPT, SESSION_GRANT, STATUS } from './objects.ts'
import { termsDigest } from './offers.ts'
import type { Parameters } from './parameters.ts'
import type { Secp256k1 } from './ports.ts'
import { type AnchoredLeaf, type BatchProof, domainOfReceipt, type ReceiptFile } from './receiptFile.ts'
import { bindingOf, type PeerBinding } from './reportData.ts'
import type { CommitteeSeat } from './seats.ts'

export const RECEIPT_FAULTS = [
  'job-signature',
  'grant-signature',
  'grant-mismatch',
  'grant-window',
  'evidence-mismatch',
  'evidence-refused',
  'terms-mismatch',
  'offer-signature',
  'receipt-mismatch',
  'receipt-signature',
  'receipt-fee',
  'receipt-clock',
  'head-mismatch',
  'head-signature',
  'trace-mismatch',
  'input-hash',
  'parameters-hash',
  'output-mismatch',
  'checkpoint-mismatch',
  'checkpoint-signature',
  'receipt-proof',
  'vote-invalid',
  'committee-mismatch',
  'leaf-mismatch',
  'leaf-proof',
  'certificate-mismatch',
  'batch-signature',
] as const
export type ReceiptFault = (typeof RECEIPT_FAULTS)[number]

/** Why a receipt file proves nothing. */
export class ReceiptProblem extends CodedError<{
  readonly code: ReceiptFault
  readonly expected: string
  readonly got: string
}> {}

/** What evidence is worth (R6), as an attestation verifier found it. */
export interface EvidenceFinding {
  /** The id of the evidence, over its kind and bytes (R3). */
  readonly digest: Digest
  /** Code of `ASSURANCE`. */
  readonly assurance: number
  /** What that verifier did not look at, in its own words. */
  readonly notChecked: readonly string[]
}

export interface ReceiptCheckContext {
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly parameters: Pick<Parameters, 'grantLife' | 'futureTolerance'>
  /** Judges evidence at the grant's `notBefore` against what it must speak for (R5). */
  readonly verifyEvidence: (
    evidence: ReceiptFile['evidence'],
    binding: PeerBinding,
    at: number,
  ) => Promise<Result<EvidenceFinding, { readonly code: string; readonly message: string }>>
  /** The committee the chain drew for the checkpoint (R14); without it the draw is not checked. */
  readonly committee?: readonly CommitteeSeat[]
}

/** What the file could not show without a chain or the model. */
export const RECEIPT_NOT_CHECKED = [
  'output',
  'input',
  'evidence-block',
  'committee-draw',
  'batch-on-chain',
  'verification',
  'anchor',
] as const
export type ReceiptNotChecked = (typeof RECEIPT_NOT_CHECKED)[number]

export interface CommitteeFinding {
  readonly decision: 'accepted' | 'rejected' | 'undecided'
  /** Code of `REASON`, of a rejection. */
  readonly reason?: number
  /** Votes counted, and those among them that recomputed the output. */
  readonly votes: number
  readonly replayed: number
}

export interface ReceiptFinding {
  readonly jobId: Digest
  /** Digest of the receipt. */
  readonly receipt: Digest
  /** Code of `ASSURANCE`, found here and equal to what the receipt claims (R6). */
  readonly assurance: number
  readonly evidenceNotChecked: readonly string[]
  readonly checkpoint?: Digest
  readonly committee?: CommitteeFinding
  readonly batch?: { readonly number: number; readonly digest: Digest; readonly signers: readonly Address[] }
  readonly notChecked: readonly ReceiptNotChecked[]
}

/** The provider's clock may be off by this much against the requester's, ms. */
const CLOCK_SLACK_MS = 2_000

/**
 * Checks everything a receipt file holds without asking anybody: signatures, grant and evidence (R4 to R6), terms, fee,
 * heads, transcript, votes (R14) and the way into the batch. Cheap first; evidence last. A rejected receipt is a finding,
 * not a problem: the file proves the rejection.
 */
export async function verifyReceiptFile(
  file: ReceiptFile,
  context: ReceiptCheckContext,
): Promise<Result<ReceiptFinding, ReceiptProblem>> {
  try {
    return ok(await new Check(file, context).run())
  } catch (thrown) {
    if (thrown instanceof ReceiptProblem) return fail(thrown)
    throw thrown
  }
}

function problem(code: ReceiptFault, expected: string, got: string): ReceiptProblem {
  return new ReceiptProblem({ code, expected, got }, `expected ${expected}, got ${got}`)
}

class Check {
  readonly #file: ReceiptFile
  readonly #context: ReceiptCheckContext
  readonly #domain: Domain
  readonly #jobId: Digest
  readonly #receipt: Digest

  constructor(file: ReceiptFile, context: ReceiptCheckContext) {
    this.#file = file
    this.#context = context
    this.#domain = domainOfReceipt(file)
    this.#jobId = digestOf(this.#domain, JOB, file.job.job)
    this.#receipt = digestOf(this.#domain, RECEIPT, file.receipt.receipt)
  }

  async run(): Promise<ReceiptFinding> {
    const { transcript, batchProof } = this.#file
    this.#checkJob()
    this.#checkGrant()
    this.#checkTerms()
    this.#checkReceipt()
    this.#checkCharge()
    this.#checkHeads()
    if (transcript !== undefined) this.#checkTranscript(transcript)
    const verified = batchProof === undefined ? undefined : this.#checkBatchProof(batchProof)
    const evidence = await this.#checkEvidence()
    return {
      jobId: this.#jobId,
      receipt: this.#receipt,
      assurance: evidence.assurance,
      evidenceNotChecked: evidence.notChecked,
      ...verified,
      notChecked: this.#notChecked(verified?.committee),
    }
  }

  #require(code: ReceiptFault, expected: string | number | bigint, got: string | number | bigint | undefined): void {
    if (expected !== got) throw problem(code, String(expected), String(got ?? 'nothing'))
  }

  #checkJob(): void {
    const { job, signature } = this.#file.job
    this.#require('job-signature', job.requester, this.#context.crypto.recover(this.#jobId, signature))
  }

  /** R4: what a session key signs counts only with its grant. */
  #checkGrant(): void {
    const { parameters, crypto } = this.#context
    const { job } = this.#file.job
    const { grant, signature } = this.#file.grant
    const digest = digestOf(this.#domain, SESSION_GRANT, grant)
    this.#require('grant-mismatch', job.grant, digest)
    this.#require('grant-mismatch', job.provider, grant.operator)
    this.#require('grant-signature', grant.operator, crypto.recover(digest, signature))
    const life = grant.notAfter - grant.notBefore
    if (life <= 0 || life > parameters.grantLife) {
      throw problem('grant-window', `a life of at most ${parameters.grantLife} ms`, `${life} ms`)
    }
    if (job.createdAt < grant.notBefore - parameters.futureTolerance || job.createdAt >= grant.notAfter) {
      throw problem('grant-window', `a job from ${grant.notBefore} to ${grant.notAfter}`, `${job.createdAt}`)
    }
  }

  #checkTerms(): void {
    const { job } = this.#file.job
    const { terms, offer, offerSignature, index, proof } = this.#file.terms
    const digest = termsDigest(this.#domain, terms)
    this.#require('terms-mismatch', job.terms, digest)
    this.#require('terms-mismatch', job.provider, terms.operator)
    this.#require('terms-mismatch', job.provider, offer.operator)
    this.#require('terms-mismatch', job.model, terms.model)
    this.#require('terms-mismatch', terms.token, job.token)
    if (index >= offer.termsCount || !verifyMerkleProof('terms', offer.termsRoot, index, digest, proof)) {
      throw problem(
        'terms-mismatch',
        `terms ${index} of ${offer.termsCount} under ${offer.termsRoot}`,
        'no proof of them',
      )
    }
    const validUntil = Math.min(terms.validUntil, offer.validUntil)
    if (validUntil < job.createdAt) throw problem('terms-mismatch', `terms valid at ${job.createdAt}`, `${validUntil}`)
    const signer = this.#context.crypto.recover(digestOf(this.#domain, OFFER, offer), offerSignature)
    this.#require('offer-signature', job.provider, signer)
  }

  #checkReceipt(): void {
    const { job } = this.#file.job
    const { receipt, signature, runtimeClass, traceHash } = this.#file.receipt
    const { grant } = this.#file.grant
    const expected = {
      jobId: this.#jobId,
      grant: job.grant,
      provider: job.provider,
      requester: job.requester,
      channel: job.channel,
      model: job.model,
      inputHash: job.inputHash,
      parametersHash: job.parametersHash,
      terms: job.terms,
      evidence: grant.evidence,
    } as const
    for (const [name, value] of Object.entries(expected)) {
      const got = receipt[name as keyof typeof expected]
      if (got !== value) throw problem('receipt-mismatch', `${name} ${value}`, got)
    }
    this.#require('trace-mismatch', receipt.trace, traceDigestOf(runtimeClass, traceHash))
    this.#require('receipt-signature', grant.sessionKey, this.#context.crypto.recover(this.#receipt, signature))
  }

  #checkCharge(): void {
    const { job } = this.#file.job
    const { receipt } = this.#file.receipt
    const { terms } = this.#file.terms
    const charge = { ...chargeOf(terms, receipt), memoryMB: terms.memoryMB }
    const fee = receipt.status === STATUS.failed ? 0n : charge.fee
    for (const [name, value] of Object.entries({ ...charge, fee })) {
      this.#require('receipt-fee', `${name} ${value}`, `${name} ${receipt[name as keyof typeof charge]}`)
    }
    if (receipt.fee > job.maxFee) throw problem('receipt-fee', `at most ${job.maxFee}`, `${receipt.fee}`)
    const mostUnits = Math.min(job.maxOutputUnits, terms.maxOutputUnits)
    if (receipt.outputUnits > mostUnits) {
      throw problem('receipt-fee', `at most ${mostUnits} units`, `${receipt.outputUnits}`)
    }
    if (job.channel === ZERO_DIGEST) this.#require('receipt-fee', 0n, receipt.chargedAfter)
    const { startedAt, finishedAt } = receipt
    if (finishedAt < startedAt || startedAt < job.createdAt - CLOCK_SLACK_MS || finishedAt > job.deadline) {
      throw problem('receipt-clock', `between ${job.createdAt} and ${job.deadline}`, `${startedAt} to ${finishedAt}`)
    }
  }

  #checkHeads(): void {
    const { receipt } = this.#file.receipt
    const { job } = this.#file.job
    const { sessionKey } = this.#file.grant.grant
    const digests: Digest[] = []
    let before = { index: 0, fee: 0n, outputUnits: 0 }
    for (const { head, signature } of this.#file.heads) {
      this.#require('head-mismatch', this.#jobId, head.jobId)
      this.#require('head-mismatch', job.grant, head.grant)
      if (head.index <= before.index || head.fee < before.fee || head.outputUnits < before.outputUnits) {
        throw problem('head-mismatch', 'index, units and fee that grow', `index ${head.index}, fee ${head.fee}`)
      }
      const digest = digestOf(this.#domain, HEAD, head)
      this.#require('head-signature', sessionKey, this.#context.crypto.recover(digest, signature))
      digests.push(digest)
      before = head
    }
    this.#require('head-mismatch', receipt.headsRoot, merkleRoot('head', digests))
    this.#require('head-mismatch', receipt.chunks, before.index)
    const last = this.#file.heads.at(-1)?.head
    this.#require('head-mismatch', receipt.outputHead, last?.head ?? firstHead(this.#jobId))
    if (last === undefined) return
    this.#require('head-mismatch', receipt.fee, last.fee)
    this.#require('head-mismatch', receipt.outputUnits, last.outputUnits)
  }

  #checkTranscript({ inputSalt, input, parameters, chunks }: NonNullable<ReceiptFile['transcript']>): void {
    const { job } = this.#file.job
    const { receipt } = this.#file.receipt
    this.#require('input-hash', job.inputHash, inputHashOf(inputSalt, input))
    this.#require('parameters-hash', job.parametersHash, parametersHashOf(parameters))
    this.#require('output-mismatch', receipt.chunks, chunks.length)
    const heads = new Map(this.#file.heads.map(({ head }) => [head.index, head.head]))
    let head = firstHead(this.#jobId)
    for (const [at, chunk] of chunks.entries()) {
      head = nextHead(head, at + 1, chunk)
      const signed = heads.get(at + 1)
      if (signed !== undefined) this.#require('output-mismatch', signed, head)
    }
    this.#require('output-mismatch', receipt.outputHead, head)
  }

  #checkBatchProof(proof: BatchProof): Pick<ReceiptFinding, 'checkpoint' | 'committee' | 'batch'> {
    const { receipt } = this.#file.receipt
    const { checkpoint, signature } = proof.checkpoint
    const digest = digestOf(this.#domain, CHECKPOINT, checkpoint)
    this.#require('checkpoint-mismatch', receipt.provider, checkpoint.operator)
    this.#require('checkpoint-mismatch', receipt.grant, checkpoint.grant)
    this.#require('checkpoint-signature', checkpoint.operator, this.#context.crypto.recover(digest, signature))
    const index = receipt.sequence - checkpoint.firstSequence
    const { count, receiptsRoot } = checkpoint
    if (
      index < 0 ||
      index >= count ||
      !verifyMerkleProof('receipt', receiptsRoot, index, this.#receipt, proof.receiptProof)
    ) {
      throw problem('receipt-proof', `receipt ${index} of ${count} under ${receiptsRoot}`, 'no proof of it')
    }
    const committee = this.#checkVotes(proof, digest, index)
    if (proof.anchored === undefined) return { checkpoint: digest, committee }
    return {
      checkpoint: digest,
      committee,
      batch: this.#checkAnchored(proof, proof.anchored, digest, index, committee),
    }
  }

  #checkVotes({ checkpoint, votes }: BatchProof, digest: Digest, index: number): CommitteeFinding {
    const { crypto } = this.#context
    const committee = this.#context.committee ?? seatsOf(votes.map(({ vote }) => vote))
    const { count } = checkpoint.checkpoint
    for (const vote of votes) {
      const checked = checkVote({ domain: this.#domain, crypto, committee, checkpoint: digest, count, vote })
      if (checked.ok) continue
      const { code, expected, got } = checked.error
      throw problem(code === 'vote-seat' ? 'committee-mismatch' : 'vote-invalid', `${code}: ${expected}`, got)
    }
    const tally = tallyVotes({ committee, count, votes })
    const decision = hasBit(tally.accepted, index)
      ? 'accepted'
      : hasBit(tally.rejected, index)
        ? 'rejected'
        : 'undecided'
    const reason = tally.reasons.get(index)
    const deciding = tally.votes.filter(({ vote }) => decision !== 'undecided' && hasBit(vote[decision], index))
    return {
      decision,
      ...(reason === undefined ? {} : { reason }),
      votes: deciding.length,
      replayed: deciding.filter(({ vote }) => hasBit(vote.replayed, index)).length,
    }
  }

  #checkAnchored(
    { checkpoint, votes }: BatchProof,
    { batch, leaf, leafProof, signatures }: AnchoredLeaf,
    checkpointDigest: Digest,
    index: number,
    committee: CommitteeFinding,
  ): NonNullable<ReceiptFinding['batch']> {
    const { operator, sequence, receiptsRoot, count } = checkpoint.checkpoint
    const expected = { checkpoint: checkpointDigest, operator, sequence, receiptsRoot, count } as const
    for (const [name, value] of Object.entries(expected)) {
      this.#require('leaf-mismatch', `${name} ${value}`, `${name} ${leaf[name as keyof typeof expected]}`)
    }
    const decision = hasBit(leaf.accepted, index) ? 'accepted' : hasBit(leaf.rejected, index) ? 'rejected' : 'undecided'
    this.#require('leaf-mismatch', committee.decision, decision)
    this.#require('certificate-mismatch', leaf.certificate, certificateRoot(this.#domain, votes))
    if (
      leaf.index >= batch.leaves ||
      !verifyMerkleProof('checkpoint', batch.checkpointsRoot, leaf.index, leafDigest(leaf), leafProof)
    ) {
      throw problem(
        'leaf-proof',
        `leaf ${leaf.index} of ${batch.leaves} under ${batch.checkpointsRoot}`,
        'no proof of it',
      )
    }
    const digest = batchDigest(this.#domain, batch)
    if (signatures.length === 0) throw problem('batch-signature', 'at least one signature of the batch', 'none')
    const signers = new Set<Address>()
    for (const { signer, signature } of signatures) {
      this.#require('batch-signature', signer, this.#context.crypto.recover(digest, signature))
      if (signers.has(signer)) throw problem('batch-signature', 'every signer once', `${signer} twice`)
      signers.add(signer)
    }
    return { number: batch.number, digest, signers: [...signers] }
  }

  async #checkEvidence(): Promise<EvidenceFinding> {
    const { evidence, receipt } = this.#file
    const { grant } = this.#file.grant
    const binding = bindingOf(this.#domain, grant, evidence)
    const found = await this.#context.verifyEvidence(evidence, binding, grant.notBefore)
    if (!found.ok)
      throw problem('evidence-refused', 'evidence that holds', `${found.error.code}: ${found.error.message}`)
    this.#require('evidence-mismatch', grant.evidence, found.value.digest)
    this.#require('evidence-mismatch', receipt.receipt.assurance, found.value.assurance)
    return found.value
  }

  #notChecked(committee: CommitteeFinding | undefined): ReceiptNotChecked[] {
    const { transcript, batchProof } = this.#file
    const drawn = this.#context.committee !== undefined
    const missing: Readonly<Record<ReceiptNotChecked, boolean>> = {
      output: (committee?.replayed ?? 0) === 0,
      input: transcript === undefined,
      'evidence-block': true,
      'committee-draw': batchProof !== undefined && !drawn,
      'batch-on-chain': batchProof?.anchored !== undefined,
      verification: batchProof === undefined,
      anchor: batchProof?.anchored === undefined,
    }
    return RECEIPT_NOT_CHECKED.filter((name) => missing[name])
  }
}

/** The seats the votes name, each verifier's first: what can be said without the chain. */
function seatsOf(votes: readonly { readonly verifier: Address; readonly seat: number }[]): CommitteeSeat[] {
  const seats = new Map<Address, number>()
  for (const { verifier, seat } of votes) if (!seats.has(verifier)) seats.set(verifier, seat)
  return [...seats].map(([verifier, seat]) => ({ verifier, seat }))
}
