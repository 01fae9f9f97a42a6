import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fail, H, type JobRecord, ok, type Result, type SettledCheckpoint } from '../../../../src/protocol/index.ts'
import {
  type CommitteeLookup,
  createSettlementPool,
  SettledStore,
  type SettlementPool,
  type StandingCommittee,
} from '../../../../src/roles/index.ts'
import { openStore, type Store } from '../../../../src/store/index.ts'
import { quiet } from '../../../support/peers.ts'
import { buildCheckpoint, buildRecord, checkpointDigest, PARAMETERS, PROVIDER } from '../../../support/records.ts'
import { COMMITTEE, crypto, DOMAIN } from '../../../support/settledFixture.ts'
import { until } from '../../../support/settlementWorld.ts'
import { castVote } from '../../../support/votes.ts'

type Answer = Awaited<ReturnType<CommitteeLookup['committeeOf']>>

const STANDING: StandingCommittee = {
  seats: COMMITTEE.seats,
  fastSeed: H('test/seed'),
  epoch: 1,
  owner: PROVIDER.address,
  stake: 1n,
}

/** The pool alone with its store; committees and records are told by the test, and no peer is connected. */
describe('the settlement pool', () => {
  let directory: string
  let store: Store
  let pool: SettlementPool
  let now: number
  let committee: () => Promise<Answer>
  let records: readonly JobRecord[] | undefined
  const settled: SettledCheckpoint[] = []

  const record = buildRecord()
  const signed = buildCheckpoint([record])
  const digest = checkpointDigest(signed.checkpoint)
  const voteOf = (member: number) => castVote(COMMITTEE, { member, checkpoint: digest, accepted: [0] })
  const vote = (...members: number[]): void => pool.addVotes({ votes: members.map(voteOf), openings: [] })

  const createPool = (): SettlementPool => {
    const none = (): never => {
      throw new RangeError('no peer is connected')
    }
    const created = createSettlementPool(
      {
        host: { openStream: none } as never,
        directory: { peerOf: () => undefined } as never,
        committee: { committeeOf: () => committee() } as never,
        sync: { ask: none } as never,
        store: new SettledStore(store),
        records: async () => records,
        crypto,
        clock: () => now,
        logger: quiet,
      },
      { domain: DOMAIN, parameters: PARAMETERS },
    )
    created.onSettled((each) => settled.push(each))
    return created
  }

  beforeEach(async () => {
    now = 1_000_000
    committee = async () => ok(STANDING)
    records = [record]
    settled.length = 0
    directory = await mkdtemp(join(tmpdir(), 'opg-pool-'))
    store = await openStore(directory, { clock: () => now, logger: quiet })
    pool = createPool()
    await pool.start()
  })

  afterEach(async () => {
    await pool.stop()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  it('loses no vote that comes while it looks for the committee, however many look (R14)', async () => {
    const gate = Promise.withResolvers<Result<StandingCommittee, never>>()
    committee = () => gate.promise
    pool.addCheckpoint(signed, digest)
    const examined = pool.examine(digest)
    vote(0, 1)
    gate.resolve(ok(STANDING))
    await examined
    vote(2, 3)
    await until(() => settled.length === 1, 'it to be settled')
    expect(settled[0]).toMatchObject({ accepted: 1n, rejected: 0n })
    expect(settled[0]?.receipts[0]?.fee).toBe(record.receipt.fee)
  })

  it('gives a checkpoint up as undecided after the wait, and takes late votes until it is anchored (R20)', async () => {
    pool.addCheckpoint(signed, digest)
    vote(0)
    now += PARAMETERS.certificateWait
    await until(() => settled.length === 1, 'it to be given up')
    expect(settled[0]).toMatchObject({ accepted: 0n, rejected: 0n, votes: [] })
    now += 500
    vote(1, 2)
    await until(() => settled.length === 2, 'it to be decided')
    expect(settled[1]).toMatchObject({ accepted: 1n })
    expect(pool.held()).toMatchObject([{ settled: { accepted: 1n }, since: now }])
    expect((await new SettledStore(store).settled(digest))?.accepted).toBe(1n)
  })

  it('gives up what has no committee, so that its operator can go on (R20)', async () => {
    committee = async () => fail({ code: 'committee-block', expected: 'block 5', got: 'block 6' })
    records = undefined
    pool.addCheckpoint(signed, digest)
    now += PARAMETERS.certificateWait
    await until(() => settled.length === 1, 'it to be given up')
    expect(settled[0]).toMatchObject({ accepted: 0n, votes: [], receipts: [] })
  })

  it('settles nothing that accepts receipts nobody serves, however long it waits', async () => {
    records = undefined
    pool.addCheckpoint(signed, digest)
    vote(0, 1, 2)
    now += 2 * PARAMETERS.certificateWait
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(settled).toEqual([])
    records = [record]
    now += 1_000
    await until(() => settled.length === 1, 'it to be settled')
  })

  it('does not take up again what was anchored, until the chain goes back (R22)', async () => {
    pool.addCheckpoint(signed, digest)
    vote(0, 1, 2)
    await until(() => settled.length === 1, 'it to be settled')
    pool.forget([digest])
    pool.addCheckpoint(signed, digest)
    expect(pool.held()).toEqual([])
    await pool.recall()
    expect(pool.held()).toMatchObject([{ settled: { digest, accepted: 1n } }])
  })

  it('knows after a restart what it had settled (R27)', async () => {
    pool.addCheckpoint(signed, digest)
    vote(0, 1, 2)
    await until(() => settled.length === 1, 'it to be settled')
    await pool.stop()
    pool = createPool()
    await pool.start()
    expect(pool.settled(digest)).toEqual(settled[0])
  })
})
