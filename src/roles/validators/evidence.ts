import type { GossipVerdict } from '../../net/index.ts'
import {
  type Address,
  CHECKPOINT,
  type Digest,
  type Domain,
  digestOf,
  fail,
  HEAD,
  keccak,
  LOAD,
  OFFER,
  ok,
  RECEIPT,
  type Result,
  SESSION_GRANT,
  type Secp256k1,
  type Signature,
  utf8,
  VOTE,
} from '../../protocol/index.ts'
import { decodeEquivocation, decodeGossip, type Equivocation, type EquivocationProof } from '../../wire/index.ts'

/** Who did what: the operator that answers for both signatures, and the digest of the place it signed twice. */
export interface Offence {
  readonly operator: Address
  readonly place: Digest
  readonly kind: EquivocationProof['kind']
}

export interface EvidenceValidatorContext {
  readonly domain: Domain
  readonly crypto: Pick<Secp256k1, 'recover'>
  readonly isKnown: (place: Digest) => boolean
  /** Proofs kept of one operator are enough to act on. */
  readonly hasEnough: (operator: Address) => boolean
  /** Whether an operator is staked for what it signed; undefined while that cannot be told. */
  readonly isStaked: (operator: Address, kind: EquivocationProof['kind']) => Promise<boolean | undefined>
}

export interface EvidenceVerdict {
  readonly verdict: GossipVerdict
  readonly proof?: EquivocationProof
  readonly offence?: Offence
  /** For want of context here: what changes as the chain goes on. */
  readonly later?: true
}

/** Topic `evidence` (R8, R9): cheap first, signatures last. Nobody is accused by a proof that is not accepted. */
export async function validateEvidenceMessage(
  bytes: Uint8Array,
  context: EvidenceValidatorContext,
): Promise<EvidenceVerdict> {
  // [REJECT] The message is one EquivocationProof in its only encoding.
  const decoded = decodeGossip('evidence', bytes)
  if (!decoded.ok) return refuse('reject', decoded.error.code)
  return validateEvidence(decoded.value, context)
}

/** The same checks for a proof that was looked at before. */
export async function validateEvidence(
  proof: EquivocationProof,
  context: EvidenceValidatorContext,
): Promise<EvidenceVerdict> {
  const { domain, crypto } = context
  // [REJECT] It shows two objects of one signer and one place.
  const examined = examineProof(domain, proof)
  if (!examined.ok) return refuse('reject', examined.error)
  const { offence, key, signed } = examined.value
  // [IGNORE] The offence is not known yet, nor are many others of this operator.
  if (context.isKnown(offence.place)) return refuse('ignore', 'seen')
  if (context.hasEnough(offence.operator)) return refuse('ignore', 'enough')
  // [IGNORE] The operator is staked. Looked at again later while that cannot be told.
  const staked = await context.isStaked(offence.operator, proof.kind)
  if (staked === undefined) return { ...refuse('ignore', 'unknown-stake'), proof, later: true }
  if (!staked) return refuse('ignore', 'not-staked')
  // [REJECT] Every signature is the accused one's.
  if (proof.grant !== undefined) {
    const digest = digestOf(domain, SESSION_GRANT, proof.grant.grant)
    if (crypto.recover(digest, proof.grant.signature) !== offence.operator) return refuse('reject', 'bad-signature')
  }
  if (signed.some(({ digest, signature }) => crypto.recover(digest, signature) !== key)) {
    return refuse('reject', 'bad-signature')
  }
  return { verdict: { action: 'accept' }, proof, offence }
}

interface Examined {
  readonly offence: Offence
  /** What both signatures must recover to. */
  readonly key: Address
  readonly signed: readonly Side[]
}

/** What a proof accuses of, its signatures unchecked; or the code of what keeps it from being one. */
export function examineProof(domain: Domain, proof: EquivocationProof): Result<Examined, string> {
  // Its sides are in ascending order of their hashes, so that two objects have one proof.
  if (keccak(proof.first) >= keccak(proof.second)) return fail('evidence-order')
  // Each side is one object of its kind in its only encoding.
  const decoded = decodeEquivocation(proof)
  if (!decoded.ok) return fail(decoded.error.code)
  // A grant comes with what a session key signed, and with nothing else (R4).
  if ((proof.kind === 'receipt' || proof.kind === 'head') !== (proof.grant !== undefined)) return fail('evidence-grant')
  const [first, second] = sidesOf(domain, decoded.value)
  // The objects differ: two signatures of one object are no offence (R3).
  if (first.digest === second.digest) return fail('evidence-same')
  if (first.signer !== second.signer || first.place !== second.place) return fail('evidence-place')
  const place = keccak(utf8(`${proof.kind} ${first.signer} ${first.place}`))
  if (proof.grant === undefined) {
    const operator = first.signer as Address
    return ok({ offence: { operator, place, kind: proof.kind }, key: operator, signed: [first, second] })
  }
  // The grant is the one both name.
  const { grant } = proof.grant
  if (digestOf(domain, SESSION_GRANT, grant) !== first.signer) return fail('evidence-grant')
  return ok({
    offence: { operator: grant.operator, place, kind: proof.kind },
    key: grant.sessionKey,
    signed: [first, second],
  })
}

/** The one proof of two encoded objects. */
export function orderedProof(kind: EquivocationProof['kind'], left: Uint8Array, right: Uint8Array): EquivocationProof {
  const [first, second] = keccak(left) < keccak(right) ? [left, right] : [right, left]
  return { kind, first, second }
}

interface Side {
  readonly digest: Digest
  readonly signature: Signature
  /** An operator, or the digest of the grant whose session key signs. */
  readonly signer: Address | Digest
  readonly place: string
}

/** What each kind is signed by and for: the same places as R9's first-seen. */
function sidesOf(domain: Domain, proof: Equivocation): readonly [Side, Side] {
  switch (proof.kind) {
    case 'checkpoint':
      return both(proof, ({ checkpoint, signature }) => ({
        digest: digestOf(domain, CHECKPOINT, checkpoint),
        signature,
        signer: checkpoint.operator,
        place: `${checkpoint.sequence}`,
      }))
    case 'vote':
      return both(proof, ({ vote, signature }) => ({
        digest: digestOf(domain, VOTE, vote),
        signature,
        signer: vote.verifier,
        place: `${vote.checkpoint} ${vote.round}`,
      }))
    case 'receipt':
      return both(proof, ({ receipt, signature }) => ({
        digest: digestOf(domain, RECEIPT, receipt),
        signature,
        signer: receipt.grant,
        place: `${receipt.sequence}`,
      }))
    case 'head':
      return both(proof, ({ head, signature }) => ({
        digest: digestOf(domain, HEAD, head),
        signature,
        signer: head.grant,
        place: `${head.jobId} ${head.index}`,
      }))
    case 'offer':
      return both(proof, ({ offer, signature }) => ({
        digest: digestOf(domain, OFFER, offer),
        signature,
        signer: offer.operator,
        place: `${offer.sequence}`,
      }))
    case 'load':
      return both(proof, ({ load, signature }) => ({
        digest: digestOf(domain, LOAD, load),
        signature,
        signer: load.operator,
        place: `${load.sequence}`,
      }))
  }
}

const both = <T>(
  { first, second }: { readonly first: T; readonly second: T },
  sideOf: (object: T) => Side,
): readonly [Side, Side] => [sideOf(first), sideOf(second)]

const refuse = (action: 'ignore' | 'reject', code: string): EvidenceVerdict => ({ verdict: { action, code } })
