import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Address,
  type Batch,
  batchDigest,
  buildBatch,
  type Digest,
  type SettledCheckpoint,
  type Signature,
  type SignedVote,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import {
  type BuiltCheckpoint,
  type SettlementNode,
  type SettlementWorld,
  startSettlementWorld,
  until,
} from '../../support/settlementWorld.ts'

/** What signers make of a dishonest settler: the test proposes, over a real stream, whatever it likes. */
describe('a signer', () => {
  let world: SettlementWorld
  let settler: SettlementNode
  const published: BuiltCheckpoint[] = []
  let fresh: BuiltCheckpoint
  const votes = new Map<Digest, SignedVote[]>()

  interface Draft {
    readonly leaves: readonly BuiltCheckpoint[]
    readonly settled?: (settled: SettledCheckpoint) => SettledCheckpoint
    readonly batch?: (batch: Batch) => Batch
    readonly cast?: ReadonlyMap<Digest, readonly SignedVote[]>
    /** The settler's signature; of who the batch names unless given. */
    readonly sign?: (digest: Digest) => Signature | undefined
  }

  const signerOf = (address: Address) => world.nodes.find((node) => node.address === address)!.signer

  const propose = async (draft: Draft) => {
    const { leaves, settled = (each) => each, batch: change = (each) => each, cast = votes } = draft
    const { client, domain } = world
    const last = await client.lastBatch()
    const built = buildBatch(domain, {
      number: last.number + 1,
      previous: last.digest,
      epoch: client.epochAt(client.head().timestamp),
      settler: settler.address,
      cutoff: client.head().timestamp,
      settled: leaves.map((leaf) =>
        settled({
          ...leaf,
          accepted: 0b11n,
          rejected: 0n,
          votes: cast.get(leaf.digest) ?? [],
          receipts: leaf.records.map(({ receipt }) => ({ digest: ZERO_DIGEST, fee: receipt.fee, mac: receipt.mac })),
        }),
      ),
    })
    const batch = change(built.batch)
    const certificates = leaves.map(({ digest }) => ({ checkpoint: digest, votes: cast.get(digest) ?? [] }))
    const digest = batchDigest(domain, batch)
    const { sign = (of) => signerOf(batch.settler).sign(of) } = draft
    const settlerSignature = sign(digest)
    const own = settlerSignature === undefined ? {} : { settlerSignature }
    const value = { batch: { batch, leaves: built.leaves, signatures: [], ...own }, certificates }
    const signer = world.node('verifier')
    const peer = settler.directory.peerOf(signer.address)!
    const answer = await settler.sync.ask(peer, { kind: 'proposal', value }, 'signature')
    return { answer, digest, settlerSignature, frame: () => signer.batchSigner!.consider(value) }
  }

  const refusalOf = async (draft: Draft): Promise<string> => {
    const { answer } = await propose(draft)
    return answer.ok ? 'signed' : (answer.error.message.split(':')[0] as string)
  }

  const publish = async (sequence: number, told: readonly SettlementNode[] = world.of('verifier')) => {
    const built = await world.checkpoint({ sequence })
    await world.keep(built)
    const cast = await world.votes(built)
    await world.cast(cast)
    world.tell(built, cast, told)
    votes.set(built.digest, cast)
    return built
  }

  beforeAll(async () => {
    world = await startSettlementWorld({ verifier: 4, provider: 1, settler: 1 }, { settlers: 0 })
    settler = await world.start('settler', 0)
    await settler.settler!.stop()
    published.push(await publish(0), await publish(1))
    const { pool } = world.node('verifier')
    await until(() => published.every(({ digest }) => pool.settled(digest) !== undefined), 'checkpoints to be settled')
  })

  afterAll(() => world?.stop())

  it('signs a batch of what it holds itself (R19)', async () => {
    const { answer, digest, settlerSignature } = await propose({ leaves: published })
    expect(answer.ok ? '' : answer.error.message).toBe('')
    if (!answer.ok) return
    const set = await world.client.signingSet(world.client.epochAt())
    const seat = set!.signers.find(({ operator }) => operator === world.node('verifier').address)
    expect(answer.value.seat).toBe(seat!.seat)
    const kept = await world.node('verifier').settledStore.batch(1, digest)
    expect(kept?.leaves).toHaveLength(2)
    expect(kept?.settlerSignature).toBe(settlerSignature)
  })

  it('refuses what does not follow, names the wrong settler or epoch, or is ahead of time (R19)', async () => {
    const change = (changes: Partial<Batch>): Draft => ({
      leaves: published,
      batch: (batch) => ({ ...batch, ...changes }),
    })
    const { client } = world
    const epoch = client.epochAt()
    expect(await refusalOf(change({ number: 7 }))).toBe('wrong-number')
    expect(await refusalOf(change({ previous: published[0]!.digest }))).toBe('wrong-previous')
    expect(await refusalOf(change({ epoch: epoch + 2 }))).toBe('wrong-epoch')
    expect(await refusalOf(change({ epoch: epoch - 2 }))).toBe('wrong-epoch')
    expect(await refusalOf(change({ settler: world.node('provider').address }))).toBe('settler-not-staked')
    expect(await refusalOf(change({ cutoff: client.chainNow() + 60_000 }))).toBe('cutoff-in-future')
    expect(await refusalOf(change({ cutoff: 0 }))).toBe('cutoff-regressed')
  })

  it('refuses wrong totals, wrong votes and skipped sequences (R20)', async () => {
    const inflate = (batch: Batch): Batch => ({ ...batch, acceptedFee: batch.acceptedFee + 1n })
    expect(await refusalOf({ leaves: published, batch: inflate })).toBe('batch-mismatch')
    const more = (each: SettledCheckpoint): SettledCheckpoint => ({ ...each, accepted: 0b01n })
    expect(await refusalOf({ leaves: published, settled: more })).toBe('leaf-mismatch')
    const forged = new Map(
      [...votes].map(([digest, cast]) => [digest, cast.map((vote) => ({ ...vote, signature: cast[0]!.signature }))]),
    )
    expect(await refusalOf({ leaves: published, cast: forged })).toBe('bad-certificate')
    expect(await refusalOf({ leaves: published.slice(1) })).toBe('skipped-sequence')
    expect(await refusalOf({ leaves: [] })).toBe('empty-batch')
  })

  it('refuses a batch that calls undecided what its committee may still decide, or decided long ago (R14, R20)', async () => {
    const undecided: Partial<Draft> = {
      settled: (each) => ({ ...each, accepted: 0n, rejected: 0n, votes: [] }),
      cast: new Map(),
    }
    fresh = await world.checkpoint({ sequence: 2 })
    await world.keep(fresh)
    const all = [...published, fresh]
    const early = await propose({
      leaves: all,
      settled: (each) => (each.digest === fresh.digest ? { ...each, accepted: 0n, votes: [] } : each),
    })
    expect(early.answer.ok ? 'signed' : early.answer.error.message).toContain('bad-certificate')
    const { certificateWait } = world.parameters
    const { createdAt } = published[1]!.signed.checkpoint
    await until(() => world.client.head().timestamp > createdAt + certificateWait, 'the wait to be over')
    expect(await refusalOf({ leaves: published, ...undecided })).toBe('missing-certified')
  })

  it('refuses a batch without a certified checkpoint it has held long enough, and signs one that has it (R20)', async () => {
    expect(await refusalOf({ leaves: published.slice(0, 1) })).toBe('missing-certified')
    const { answer } = await propose({ leaves: published })
    expect(answer.ok).toBe(true)
  })

  it('does not wait for what lies behind a gap, or for what nobody certified (R20)', async () => {
    const late = await publish(5)
    const { pool } = world.node('verifier')
    await until(() => pool.settled(late.digest) !== undefined, 'the checkpoint to be settled')
    await new Promise((resolve) => setTimeout(resolve, world.parameters.signerHold + 1_500))
    const { answer } = await propose({ leaves: published })
    expect(answer.ok ? '' : answer.error.message).toBe('')
  })

  it('insists on a forced checkpoint once it had time for it and its turn has come, and takes it undecided (R20)', async () => {
    const provider = world.node('provider')
    const behindGap = await world.checkpoint({ sequence: 9, count: 1 })
    for (const { signed } of [fresh, behindGap]) {
      expect((await provider.chain.force(signed.checkpoint, signed.signature)).ok).toBe(true)
    }
    const signer = world.node('verifier')
    await until(async () => (await signer.history.forced()).length === 2, 'the signer to see the forced checkpoints')
    await until(async () => (await refusalOf({ leaves: published })) === 'missing-forced', 'the signer to insist')
    const { answer } = await propose({
      leaves: [...published, fresh],
      settled: (each) => (each.digest === fresh.digest ? { ...each, accepted: 0n, votes: [] } : each),
    })
    expect(answer.ok ? '' : answer.error.message).toBe('')
  })

  it('refuses what the settler it names did not sign, and hangs up on who sent it (R19, R21)', async () => {
    const { host, settledStore } = world.node('verifier')
    const stranger = world.node('provider').signer
    const elsewhere: Draft = { leaves: published, batch: (batch) => ({ ...batch, cutoff: batch.cutoff + 1 }) }
    const forged = await propose({ ...elsewhere, sign: (digest) => stranger.sign(digest) })
    expect(forged.answer).toMatchObject({
      error: { code: 'bad-signature', message: expect.stringContaining(`got ${stranger.address}`) },
    })
    await until(() => host.conduct.score(settler.host.peerId) < -19, 'it to be held against the sender')
    await until(() => !host.connectedPeers().includes(settler.host.peerId), 'the sender to be hung up')
    expect(await settledStore.batch(1, forged.digest)).toBeUndefined()
  })
})
