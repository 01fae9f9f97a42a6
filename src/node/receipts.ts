import {
  type AttestationCrypto,
  type EvidencePolicy,
  evidenceDigest,
  reappraise,
  type TrustRoot,
} from '../attestation/index.ts'
import {
  type AnchoredLeaf,
  ASSURANCE,
  type BatchProof,
  createDomain,
  fail,
  ok,
  type ReceiptCheckContext,
  type ReceiptFile,
  type ReceiptNetwork,
  termsProofOf,
} from '../protocol/index.ts'
import type { RequestAnswer } from '../roles/index.ts'

/** The receipt file of an answer as its requester got it; a batch is added when one is anchored. */
export function receiptFileOf(answer: RequestAnswer, network: ReceiptNetwork): ReceiptFile {
  const { job, offer, heads, receipt, runtimeClass, traceHash, chunks, certificate } = answer
  const { grant, signature, evidence } = answer.grant
  if (evidence === undefined) throw new RangeError('expected the grant with the evidence that was checked')
  const domain = createDomain(network.chainId, network.stakeManager, network.networkId)
  return {
    network,
    job,
    grant: { grant, signature },
    terms: {
      terms: offer.terms,
      offer: offer.signed.offer,
      offerSignature: offer.signed.signature,
      index: offer.termsIndex,
      proof: termsProofOf(domain, offer.signed, offer.termsIndex),
    },
    receipt: { ...receipt, runtimeClass, traceHash },
    heads,
    evidence,
    transcript: {
      inputSalt: answer.inputSalt,
      input: answer.input,
      parameters: answer.parameters,
      chunks: chunks.map(({ data, salt }) => ({ data, salt })),
    },
    ...(certificate === undefined
      ? {}
      : {
          batchProof: {
            checkpoint: certificate.checkpoint,
            receiptProof: certificate.receiptProof,
            votes: certificate.certificate.votes,
          },
        }),
  }
}

/** The file with what settlement added: the certificate's votes become those the leaf commits to. */
export function withBatch(file: ReceiptFile, proof: Omit<BatchProof, 'anchored'>, anchored: AnchoredLeaf): ReceiptFile {
  return { ...file, batchProof: { ...proof, anchored } }
}

export interface EvidencePortInit {
  readonly trustRoots: readonly TrustRoot[]
  readonly policy: EvidencePolicy
  /** Milliseconds since 1970 of the block the evidence names, where its chain was asked. */
  readonly boundAt?: number
}

/** Judges a receipt file's evidence with the attestation room (R5, R6). */
export function evidencePortOf(
  components: { readonly attestation: AttestationCrypto },
  init: EvidencePortInit,
): ReceiptCheckContext['verifyEvidence'] {
  return async (evidence, binding, at) => {
    const verdict = await reappraise(evidence, at, {
      trustRoots: init.trustRoots,
      policy: init.policy,
      binding,
      crypto: components.attestation,
      ...(init.boundAt === undefined ? {} : { boundAt: init.boundAt }),
    })
    if (!verdict.ok) return fail({ code: verdict.error.code, message: verdict.error.message })
    const digest = evidenceDigest(evidence.kind, evidence.document)
    return ok({ digest, assurance: ASSURANCE[verdict.value.assurance], notChecked: verdict.value.notChecked })
  }
}
