import { describe, expect, it } from 'vitest'
import {
  createDomain,
  digestOf,
  H,
  HEAD,
  type Head,
  LOAD,
  type Load,
  OFFER,
  RECEIPT,
  type SignedCheckpoint,
  ZERO_DIGEST,
} from '../../../../src/protocol/index.ts'
import {
  type EvidenceValidatorContext,
  type EvidenceVerdict,
  orderedProof,
  validateEvidenceMessage,
} from '../../../../src/roles/validators/evidence.ts'
import { type EquivocationKind, type EquivocationProof, encode, encodeGossip } from '../../../../src/wire/index.ts'
import {
  buildCheckpoint,
  buildGrant,
  buildRecord,
  forgedSignature,
  PROVIDER,
  SESSION,
} from '../../../support/records.ts'
import { castVote, committeeOfSize, crypto, DOMAIN, signerOf } from '../../../support/votes.ts'

const record = buildRecord()
const grant = buildGrant()
const three = committeeOfSize(3)
const contextOf = (change: Partial<EvidenceValidatorContext> = {}): EvidenceValidatorContext => ({
  domain: DOMAIN,
  crypto,
  isKnown: () => false,
  hasEnough: () => false,
  isStaked: async () => true,
  ...change,
})
const judge = (proof: EquivocationProof, context = contextOf()): Promise<EvidenceVerdict> =>
  validateEvidenceMessage(encodeGossip('evidence', proof), context)
const short = ({ verdict }: EvidenceVerdict): string =>
  verdict.action === 'accept' ? 'accept' : `${verdict.action} ${verdict.code}`

const checkpointAt = (sequence: number, epoch = 1): SignedCheckpoint => buildCheckpoint([record], { sequence, epoch })
const ofCheckpoints = (left: SignedCheckpoint, right: SignedCheckpoint): EquivocationProof =>
  orderedProof('checkpoint', encode('SignedCheckpoint', left), encode('SignedCheckpoint', right))
const proof = ofCheckpoints(checkpointAt(3), checkpointAt(3, 2))

const headOf = (fee: bigint): Uint8Array => {
  const head: Head = { ...record.heads[0]!.head, fee }
  return encode('SignedHead', { head, signature: SESSION.sign(digestOf(DOMAIN, HEAD, head)) })
}
const receiptOf = (fee: bigint): Uint8Array => {
  const receipt = { ...record.receipt, fee }
  return encode('SignedReceipt', { receipt, signature: SESSION.sign(digestOf(DOMAIN, RECEIPT, receipt)) })
}
const offerOf = (validUntil: number): Uint8Array => {
  const offer = { ...record.offer, validUntil }
  return encode('OfferHeader', { offer, signature: PROVIDER.sign(digestOf(DOMAIN, OFFER, offer)) })
}
const loadOf = (freeSlots: number): Uint8Array => {
  const load: Load = { operator: PROVIDER.address, sequence: 1, utilisationPpm: 0, freeSlots, at: 1 }
  return encode('SignedLoad', { load, signature: PROVIDER.sign(digestOf(DOMAIN, LOAD, load)) })
}
const voteOf = (accepted: readonly number[]): Uint8Array =>
  encode('SignedVote', castVote(three, { member: 0, accepted }))

const OFFENCES: readonly (readonly [EquivocationKind, EquivocationProof, string])[] = [
  ['checkpoint', proof, PROVIDER.address],
  ['vote', orderedProof('vote', voteOf([0]), voteOf([0, 1])), three.seats[0]!.verifier],
  ['receipt', { ...orderedProof('receipt', receiptOf(1n), receiptOf(2n)), grant }, PROVIDER.address],
  ['head', { ...orderedProof('head', headOf(1n), headOf(2n)), grant }, PROVIDER.address],
  ['offer', orderedProof('offer', offerOf(1), offerOf(2)), PROVIDER.address],
  ['load', orderedProof('load', loadOf(1), loadOf(2)), PROVIDER.address],
]

describe('R9 the validator of evidence', () => {
  it.each(OFFENCES)(
    'accepts two different %ss for one place, and names who signed both',
    async (kind, each, operator) => {
      const result = await judge(each)
      expect(short(result)).toBe('accept')
      expect(result.offence).toMatchObject({ kind, operator })
    },
  )

  it('names an offence by its place, whichever two of several objects show it', async () => {
    const places = await Promise.all(
      [2, 3].map(async (epoch) => (await judge(ofCheckpoints(checkpointAt(3), checkpointAt(3, epoch)))).offence?.place),
    )
    expect(new Set(places).size).toBe(1)
    expect((await judge(ofCheckpoints(checkpointAt(4), checkpointAt(4, 2)))).offence?.place).not.toBe(places[0])
  })

  const forgedCheckpoint = { ...checkpointAt(3, 2), signature: forgedSignature(H('any')) }
  const otherGrant = buildGrant({ operator: signerOf('provider', 1).address })
  it.each([
    ['reject evidence-order', { ...proof, first: proof.second, second: proof.first }],
    ['reject evidence-order', { ...proof, second: proof.first }],
    ['reject oversize', { ...proof, kind: 'head', grant }],
    ['reject evidence-grant', { ...proof, grant }],
    ['reject evidence-grant', orderedProof('head', headOf(1n), headOf(2n))],
    ['reject evidence-grant', { ...orderedProof('head', headOf(1n), headOf(2n)), grant: otherGrant }],
    [
      'reject evidence-same',
      ofCheckpoints(checkpointAt(3), { ...checkpointAt(3), signature: forgedCheckpoint.signature }),
    ],
    ['reject evidence-place', ofCheckpoints(checkpointAt(3), checkpointAt(4))],
    [
      'reject evidence-place',
      ofCheckpoints(checkpointAt(3), buildCheckpoint([record], { sequence: 3, operator: three.seats[0]!.verifier })),
    ],
    ['reject bad-signature', ofCheckpoints(checkpointAt(3), forgedCheckpoint)],
    [
      'reject bad-signature',
      { ...orderedProof('head', headOf(1n), headOf(2n)), grant: { ...grant, signature: forgedSignature(H('any')) } },
    ],
  ] as const)('accuses nobody: %s', async (expected, forged) => {
    const result = await judge(forged as EquivocationProof)
    expect(short(result)).toBe(expected)
    expect(result.offence).toBeUndefined()
  })

  it('does not take the operator for the session key, nor the other way round (R4)', async () => {
    const signed = { ...record.heads[0]!.head, fee: 5n }
    const byOperator = encode('SignedHead', { head: signed, signature: PROVIDER.sign(digestOf(DOMAIN, HEAD, signed)) })
    const result = await judge({ ...orderedProof('head', headOf(1n), byOperator), grant })
    expect(short(result)).toBe('reject bad-signature')
  })

  it('ignores what is known, more than enough, or of nobody with stake', async () => {
    const { offence } = await judge(proof)
    expect(short(await judge(proof, contextOf({ isKnown: (place) => place === offence?.place })))).toBe('ignore seen')
    expect(short(await judge(proof, contextOf({ hasEnough: () => true })))).toBe('ignore enough')
    expect(short(await judge(proof, contextOf({ isStaked: async () => false })))).toBe('ignore not-staked')
    const unknown = await judge(proof, contextOf({ isStaked: async () => undefined }))
    expect(unknown).toMatchObject({ verdict: { action: 'ignore', code: 'unknown-stake' }, later: true })
  })

  it('is not passed by a proof of another network (R2)', async () => {
    const context = contextOf({ domain: createDomain(DOMAIN.chainId, DOMAIN.verifyingContract, ZERO_DIGEST) })
    expect(short(await judge(proof, context))).toBe('reject bad-signature')
  })
})
