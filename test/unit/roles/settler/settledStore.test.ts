import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { batchDigest, buildBatch, type SignedBatch, ZERO_DIGEST } from '../../../../src/protocol/index.ts'
import { SettledStore } from '../../../../src/roles/index.ts'
import { openStore, type Store } from '../../../../src/store/index.ts'
import { quiet } from '../../../support/peers.ts'
import { NOW } from '../../../support/records.ts'
import { DOMAIN, settledOf, signerOf } from '../../../support/settledFixture.ts'

const signatureOf = (seat: number) => ({ seat, signature: signerOf('verifier', seat).sign(ZERO_DIGEST) })

describe('what settlers and signers keep', () => {
  let directory: string
  let store: Store
  let settled: SettledStore

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opg-settled-'))
    store = await openStore(directory, { clock: () => NOW, logger: quiet })
    settled = new SettledStore(store)
  })

  afterEach(async () => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  const proposal = (epoch = 1): SignedBatch => ({
    ...buildBatch(DOMAIN, {
      number: 1,
      previous: ZERO_DIGEST,
      epoch,
      settler: signerOf('settler').address,
      cutoff: NOW,
      settled: [settledOf()],
    }),
    signatures: [],
  })

  it('keeps both checkpoints of an operator that signed two for one sequence', async () => {
    const rivals = [settledOf(), settledOf({ totalFee: 1n })]
    for (const each of rivals) await settled.commit([each], [])
    for (const each of rivals) expect(await settled.settled(each.digest)).toEqual(each)
    expect(await settled.allSettled()).toHaveLength(2)
  })

  it('never replaces the signatures of a batch by none (R22)', async () => {
    const plain = proposal()
    const digest = batchDigest(DOMAIN, plain.batch)
    await settled.commit([], [{ signed: plain, digest }])
    const whole = { ...plain, signatures: [signatureOf(0), signatureOf(1)] }
    await settled.commit([], [{ signed: whole, digest }])
    await settled.commit([], [{ signed: plain, digest }])
    expect(await settled.batch(1, digest)).toEqual(whole)
  })

  it('keeps the settler’s signature of a proposal when the anchored batch comes without it (R21)', async () => {
    const plain = proposal()
    const digest = batchDigest(DOMAIN, plain.batch)
    const proposed = { ...plain, settlerSignature: signerOf('settler').sign(digest) }
    const anchored = { ...plain, signatures: [signatureOf(0), signatureOf(1)] }
    for (const signed of [proposed, anchored, plain]) await settled.commit([], [{ signed, digest }])
    expect(await settled.batch(1, digest)).toEqual({ ...proposed, signatures: anchored.signatures })
  })

  it('adds the settler’s signature to a batch that was held without it (R21)', async () => {
    const plain = proposal()
    const digest = batchDigest(DOMAIN, plain.batch)
    const anchored = { ...plain, signatures: [signatureOf(0), signatureOf(1)] }
    const settlerSignature = signerOf('settler').sign(digest)
    await settled.commit([], [{ signed: anchored, digest }])
    await settled.commit([], [{ signed: { ...plain, settlerSignature }, digest }])
    expect(await settled.batch(1, digest)).toEqual({ ...anchored, settlerSignature })
  })

  it('prunes other proposals of a final number, and the entries of its checkpoints', async () => {
    const [kept, other] = [proposal(1), proposal(2)].map((signed) => ({
      signed,
      digest: batchDigest(DOMAIN, signed.batch),
    }))
    const later = settledOf({ sequence: 1 })
    await settled.commit([settledOf(), later], [kept!, other!])
    await settled.prune(1, kept!.digest, [settledOf().digest])
    expect(await settled.batch(1, other!.digest)).toBeUndefined()
    expect(await settled.batch(1, kept!.digest)).toEqual(kept!.signed)
    expect((await settled.allSettled()).map(({ digest }) => digest)).toEqual([later.digest])
  })
})
