import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountOf } from '../../../devnet/deploy.ts'
import { type AnchoredBatch, approveStakeCall, type ChainClient, type Reorg } from '../../../src/chain/index.ts'
import {
  type Address,
  CHECKPOINT,
  type Checkpoint,
  createDomain,
  digestOf,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import { signedBatch, startTestChain, type TestChain } from '../../support/devnetChain.ts'

describe('batches on chain', () => {
  let chain: TestChain
  let client: ChainClient
  const announced: AnchoredBatch[] = []

  const anchorNext = async () => {
    const { batch, digest, bitmap, signatures } = await signedBatch(chain, client)
    const result = await client.anchor(batch, bitmap, signatures)
    if (!result.ok) throw result.error
    return { batch, digest, sent: result.value }
  }

  beforeAll(async () => {
    chain = await startTestChain({ verifier: 4, provider: 1, settler: 1 })
    client = chain.client({ signer: chain.of('settler')[0]!.operator })
    client.onAnchored((anchored) => announced.push(anchored))
    await client.start()
  })

  afterAll(() => chain.stop())

  it('anchors a batch, follows it until it is safe, and reads it back (R19, R22)', async () => {
    expect(await client.batch(1)).toBeUndefined()
    const { batch, digest, sent } = await anchorNext()
    const safe = await sent.safe
    expect(safe).toMatchObject({ ok: true, value: { transaction: sent.transaction } })
    const anchored = await client.batch(1)
    expect(anchored).toMatchObject({ batch, digest, signers: 15n, transaction: sent.transaction })
    expect(anchored?.gasUsed).toBe(sent.gasUsed)
    expect(anchored?.blockHash).toBe(sent.blockHash)
    expect(await client.lastBatch()).toEqual({ number: 1, digest })
    const waited = await client.waitAnchored(1, { confidence: 'finalized', timeoutMs: 90_000 })
    expect(waited).toMatchObject({ ok: true, value: { digest } })
    expect(announced.map(({ digest: each }) => each)).toEqual([digest])
  })

  it('names the error and the arguments of a contract that refuses', async () => {
    const { batch, bitmap, signatures } = await signedBatch(chain, client, { number: 9 })
    const wrong = await client.anchor(batch, bitmap, signatures)
    expect(wrong.ok ? undefined : wrong.error.detail).toEqual({
      code: 'reverted',
      error: 'WrongNumber',
      args: [2n, 9n],
    })

    const minority = await signedBatch(chain, client)
    const few = await client.anchor(minority.batch, 1n, minority.signatures.slice(0, 1))
    expect(few.ok ? undefined : few.error.detail).toMatchObject({ code: 'reverted', error: 'NoQuorum' })

    const forged = await client.anchor(minority.batch, minority.bitmap, minority.signatures.toReversed())
    expect(forged.ok ? undefined : forged.error.detail).toMatchObject({ code: 'reverted', error: 'BadSignature' })
    const settler = chain.of('provider')[0]!.operator.address.toLowerCase() as `0x${string}`
    const unstaked = await signedBatch(chain, client, { settler })
    const refused = await client.anchor(unstaked.batch, unstaked.bitmap, unstaked.signatures)
    expect(refused.ok ? undefined : refused.error.detail).toMatchObject({ code: 'reverted', error: 'SettlerNotStaked' })
    expect((await client.lastBatch()).number).toBe(1)
  })

  it('tells who lost a race what the chain took instead (R19)', async () => {
    const rival = chain.client({ signer: chain.payer })
    await rival.start()
    const { batch, bitmap, signatures } = await signedBatch(chain, client)
    const outcomes = await Promise.all([
      client.anchor(batch, bitmap, signatures),
      rival.anchor(batch, bitmap, signatures),
    ])
    const won = outcomes.filter((outcome) => outcome.ok)
    const lost = outcomes.filter((outcome) => !outcome.ok)
    expect(won).toHaveLength(1)
    expect(lost[0]?.error.detail).toMatchObject({ code: 'reverted', error: 'WrongNumber' })
    await rival.stop()
  })

  it('survives a chain that goes back ten blocks: one reorganisation, read again, anchored again (R22)', async () => {
    const reorgs: Reorg[] = []
    client.onReorg((reorg) => reorgs.push(reorg))
    const { number } = await client.lastBatch()
    const { batch, digest, bitmap, signatures } = await signedBatch(chain, client)
    await chain.anvil.client.mine({ blocks: 10 })
    const anchored = await client.anchor(batch, bitmap, signatures)
    if (!anchored.ok) throw anchored.error
    const old = anchored.value
    expect((await client.waitAnchored(number + 1)).ok).toBe(true)
    const from = client.head().number
    await chain.anvil.rollback(10)
    while (reorgs.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(reorgs).toHaveLength(1)
    const [reorg] = reorgs
    expect(reorg!.from.number).toBeGreaterThanOrEqual(from)
    expect(reorg!.depth).toBe(reorg!.from.number - reorg!.fork)
    expect(reorg!.depth).toBeGreaterThanOrEqual(9)

    const safe = await old.safe
    expect(safe.ok).toBe(true)
    const again = await client.waitAnchored(number + 1, { confidence: 'safe', timeoutMs: 90_000 })
    if (!again.ok) throw again.error
    expect(again.value.digest).toBe(digest)
    expect(again.value.blockHash).not.toBe(old.blockHash)
    const times = announced.filter((each) => each.digest === digest)
    expect(times.length).toBeGreaterThanOrEqual(2)
    expect(times.at(-1)?.blockHash).toBe(again.value.blockHash)
    await anchorNext()
    expect((await client.lastBatch()).number).toBe(number + 2)
    expect(chain.faults).toEqual([])
  })

  it('sees blocks of the same height replaced, and forgets what was in them', async () => {
    const reorgs: Reorg[] = []
    const stop = client.onReorg((reorg) => reorgs.push(reorg))
    const old = client.head()
    const cached = await client.blockByNumber(old.number)
    await chain.anvil.reorg(2)
    while (reorgs.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    stop()
    expect(reorgs[0]!.depth).toBeLessThanOrEqual(3)
    expect(reorgs[0]!.fork).toBeLessThan(old.number)
    expect((await client.blockByNumber(old.number))?.hash).not.toBe(cached?.hash)
    expect(await client.confidenceOf(old)).toBeUndefined()
    expect(await client.confidenceOf(client.finalized())).toBe('finalized')
  })

  it('forces a checkpoint onto the chain, once (R20)', async () => {
    const operator = chain.of('provider')[0]!.operator
    const { chainId, contracts, networkId } = chain.network
    const checkpoint: Checkpoint = {
      operator: operator.address.toLowerCase() as Address,
      grant: `0x${'01'.repeat(32)}`,
      sequence: 1,
      previous: ZERO_DIGEST,
      firstSequence: 1,
      count: 3,
      receiptsRoot: `0x${'02'.repeat(32)}`,
      totalFee: 5n,
      epoch: 2,
      blockNumber: client.safe().number,
      blockHash: client.safe().hash,
      createdAt: client.chainNow(),
    }
    const hash = digestOf(createDomain(chainId, contracts.stakeManager, networkId), CHECKPOINT, checkpoint)
    const signature = await operator.sign!({ hash })
    expect(await client.force(checkpoint, signature)).toMatchObject({ ok: true })
    const again = await client.force(checkpoint, signature)
    expect(again.ok ? undefined : again.error.detail).toEqual({
      code: 'reverted',
      error: 'AlreadyForced',
      args: [hash],
    })
  })

  it('says what an account lacks, and what came in no block in time', async () => {
    const poor = chain.client({ signer: accountOf(new Uint8Array(32).fill(9)) })
    await poor.start()
    const { batch, bitmap, signatures } = await signedBatch(chain, client)
    const unpaid = await poor.anchor(batch, bitmap, signatures)
    expect(unpaid.ok ? undefined : unpaid.error.code).toBe('insufficient-funds')
    await poor.stop()
    await chain.anvil.client.setIntervalMining({ interval: 0 })
    const slow = await client.anchor(batch, bitmap, signatures, { timeoutMs: 300 })
    expect(slow.ok ? undefined : slow.error.detail).toMatchObject({ code: 'not-included', afterMs: 300 })
    const missing = await client.waitAnchored(batch.number, { timeoutMs: 300 })
    expect(missing.ok ? undefined : missing.error.detail).toMatchObject({ code: 'not-anchored', number: batch.number })
    await chain.anvil.client.setIntervalMining({ interval: 1 })
    expect(await client.waitAnchored(batch.number, { timeoutMs: 90_000 })).toMatchObject({ ok: true })
  })

  it('takes a fresh nonce when another process used its own (R22)', async () => {
    const settler = chain.of('settler')[0]!.operator
    const twin = chain.client({ signer: settler })
    await twin.start()
    const [one, two] = await Promise.all([
      client.send(approveStakeCall(chain.network.contracts, 1n)),
      twin.send(approveStakeCall(chain.network.contracts, 2n)),
    ])
    expect(one).toMatchObject({ ok: true })
    expect(two).toMatchObject({ ok: true })
    await twin.stop()
    expect(chain.faults).toEqual([])
  })
})
