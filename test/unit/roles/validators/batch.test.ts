import { describe, expect, it } from 'vitest'
import { batchDigest, buildBatch, type SignedBatch, ZERO_DIGEST } from '../../../../src/protocol/index.ts'
import { type BatchValidatorContext, validateBatchMessage } from '../../../../src/roles/validators/batch.ts'
import { encodeGossip } from '../../../../src/wire/index.ts'
import { NOW } from '../../../support/records.ts'
import { crypto, DOMAIN, settledOf, signerOf } from '../../../support/settledFixture.ts'
import { highS } from '../../../support/signatures.ts'

const SIGNERS = [0, 1, 2, 3].map((seat) => ({ seat, operator: signerOf('verifier', seat).address, weight: 10n }))

const built = buildBatch(DOMAIN, {
  number: 3,
  previous: settledOf().digest,
  epoch: 1,
  settler: signerOf('settler').address,
  cutoff: NOW,
  settled: [settledOf()],
})
const digest = batchDigest(DOMAIN, built.batch)
const signatures = SIGNERS.slice(0, 3).map(({ seat }) => ({ seat, signature: signerOf('verifier', seat).sign(digest) }))
const signed: SignedBatch = { ...built, signatures, settlerSignature: signerOf('settler').sign(digest) }

const context: BatchValidatorContext = {
  domain: DOMAIN,
  crypto,
  isHeld: async () => false,
  anchored: async () => digest,
  tip: () => ({ number: 0, digest: ZERO_DIGEST }),
  signers: async () => SIGNERS,
}

const verdictOf = async (batch: SignedBatch, change: Partial<BatchValidatorContext> = {}): Promise<string> => {
  const { verdict } = await validateBatchMessage(encodeGossip('batch', batch), { ...context, ...change })
  return verdict.action === 'accept' ? 'accept' : `${verdict.action} ${verdict.code}`
}

describe('the validator of the topic batch (R9)', () => {
  it('accepts what the chain holds, with its leaves or without', async () => {
    expect(await verdictOf(signed)).toBe('accept')
    expect(await verdictOf({ ...signed, leaves: [] })).toBe('accept')
  })

  it('accepts what follows the last batch, before its block is seen', async () => {
    const tip = { number: 2, digest: built.batch.previous }
    expect(await verdictOf(signed, { anchored: async () => undefined, tip: () => tip })).toBe('accept')
  })

  it('rejects bytes that are no batch, and leaves that are not the ones it names (R21)', async () => {
    const { verdict } = await validateBatchMessage(new Uint8Array([1, 2, 3]), context)
    expect(verdict.action).toBe('reject')
    const leaves = built.leaves.map((leaf) => ({ ...leaf, acceptedFee: leaf.acceptedFee + 1n }))
    expect(await verdictOf({ ...signed, leaves })).toBe('reject batch-leaves')
  })

  it('ignores what it holds, what no chain knows, and what it cannot judge', async () => {
    expect(await verdictOf(signed, { isHeld: async () => true })).toBe('ignore batch-held')
    expect(await verdictOf(signed, { anchored: async () => undefined })).toBe('ignore batch-unknown')
    expect(await verdictOf(signed, { anchored: async () => ZERO_DIGEST })).toBe('ignore batch-unknown')
    expect(await verdictOf(signed, { signers: async () => undefined })).toBe('ignore batch-signers')
  })

  it('ignores a batch that comes without its settler’s signature, and rejects one that forges it (R19)', async () => {
    const { settlerSignature: _, ...without } = signed
    expect(await verdictOf(without)).toBe('ignore batch-unsigned')
    const forgeries = [signatures[0]!.signature, signerOf('settler').sign(ZERO_DIGEST), highS(signed.settlerSignature!)]
    for (const settlerSignature of forgeries) {
      expect(await verdictOf({ ...signed, settlerSignature })).toBe('reject batch-settler')
    }
  })

  it('ignores two thirds of the weight or less, a seat twice, and signatures of others (R13)', async () => {
    expect(await verdictOf({ ...signed, signatures: signatures.slice(0, 2) })).toBe('ignore batch-quorum')
    const twice = [signatures[0]!, signatures[0]!, signatures[1]!]
    expect(await verdictOf({ ...signed, signatures: twice })).toBe('ignore batch-quorum')
    const forged = signatures.map(({ seat }) => ({ seat, signature: signerOf('forger').sign(digest) }))
    expect(await verdictOf({ ...signed, signatures: forged })).toBe('ignore batch-quorum')
  })
})
