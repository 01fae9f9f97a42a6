import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ASSURANCE,
  H,
  type SignedCheckpoint,
  type SignedGrant,
  type VoteBundle,
  voteDigest,
  type WorkOpening,
  workCommitOf,
} from '../../../../src/protocol/index.ts'
import { checkpointWrites } from '../../../../src/roles/checkpointStore.ts'
import type { GrantChecker, GrantProblem } from '../../../../src/roles/grants.ts'
import type { Sync } from '../../../../src/roles/sync.ts'
import { createGrantBook } from '../../../../src/roles/verifier/grantBook.ts'
import { HeldRecords } from '../../../../src/roles/verifier/heldRecords.ts'
import { createVerifierJournal } from '../../../../src/roles/verifier/journal.ts'
import { SendQueue } from '../../../../src/roles/verifier/sendQueue.ts'
import { openStore, type Store, StoreError } from '../../../../src/store/index.ts'
import {
  buildCheckpoint,
  buildGrant,
  buildRecord,
  checkpointDigest,
  grantDigest,
  NOW,
  PROVIDER,
} from '../../../support/records.ts'
import { CHECKPOINT_ID, castVote, committeeOfSize, DOMAIN } from '../../../support/votes.ts'

const logger = { info() {}, warn() {}, error() {} }
const three = committeeOfSize(3)
const openingOf = (round = 0): WorkOpening => ({
  verifier: three.seats[0]!.verifier,
  checkpoint: CHECKPOINT_ID,
  round,
  salt: H('test/salt', round),
  lightDigest: H('test/light'),
  sketches: [{ receiptIndex: 0, values: Uint8Array.of(1, 2, 3, 4) }],
})
const voteOf = (round = 0) =>
  castVote(three, { member: 0, round, accepted: [0], overrides: { workCommit: workCommitOf(openingOf(round)) } })

describe('the journal of a verifier', () => {
  let directory: string
  let store: Store
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opg-votes-'))
    store = await openStore(directory, { clock: Date.now, logger })
  })
  afterAll(async () => {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  it('R27 gives back both rounds, and refuses another vote for a round', async () => {
    const journal = createVerifierJournal({ store }, { verifier: three.seats[0]!.verifier })
    for (const round of [0, 1]) {
      const vote = voteOf(round)
      await journal.saveVote(voteDigest(DOMAIN, vote.vote), vote, openingOf(round))
    }
    expect(await journal.votes(CHECKPOINT_ID)).toEqual([
      { vote: voteOf(0), opening: openingOf(0) },
      { vote: voteOf(1), opening: openingOf(1) },
    ])
    const other = castVote(three, { member: 0, round: 1, rejected: [[0, 9]] })
    const second = journal.saveVote(voteDigest(DOMAIN, other.vote), other, openingOf(1))
    await expect(second).rejects.toSatisfy((error) => error instanceof StoreError && error.code === 'signed-before')
    expect(await journal.votes(H('test/elsewhere'))).toEqual([])
  })
})

describe('R29: what a verifier kept of operators', () => {
  it('is given back as far as the window reaches', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'opg-exposure-'))
    const store = await openStore(directory, { clock: Date.now, logger })
    const journal = createVerifierJournal({ store }, { verifier: three.seats[0]!.verifier })
    const record = buildRecord()
    const old = buildCheckpoint([record], { sequence: 0, createdAt: 1_000 })
    const recent = buildCheckpoint([record], { sequence: 1, createdAt: 2_000 })
    for (const signed of [old, recent])
      await store.commit(checkpointWrites(signed, checkpointDigest(signed.checkpoint)))
    const found: SignedCheckpoint[] = []
    for await (const signed of journal.checkpoints(1_500)) found.push(signed)
    expect(found).toEqual([recent])
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
})

describe('records that are held', () => {
  it('keep to a limit of bytes and make room when released', () => {
    const record = buildRecord()
    const signed = buildCheckpoint([record])
    const held = new HeldRecords(10_000)
    expect(held.keep(H('a'), signed, [record])).toBe(true)
    expect(held.keep(H('b'), signed, [record, record])).toBe(false)
    expect(held.get(H('b'))).toBeUndefined()
    expect(held.keep(H('a'), signed, [record])).toBe(true)
    held.release(H('a'))
    held.release(H('a'))
    expect(held.keep(H('b'), buildCheckpoint([record, record]), [record, record])).toBe(true)
    expect(held.get(H('b'))?.records).toHaveLength(2)
  })

  it('are shown to nobody while some are missing, and need not be fetched again', () => {
    const record = buildRecord()
    const held = new HeldRecords()
    expect(held.keep(H('a'), buildCheckpoint([record, record]), [record])).toBe(true)
    expect(held.get(H('a'))).toBeUndefined()
    expect(held.first(H('a'))).toEqual([record])
    expect(held.first(H('b'))).toEqual([])
  })
})

describe('votes on their way', () => {
  it('R8 travel as one bundle, work beside its own vote', () => {
    const sent: VoteBundle[] = []
    const queue = new SendQueue(60_000, (_operator, bundle) => sent.push(bundle))
    queue.push(PROVIDER.address, { votes: [voteOf(0)], openings: [] })
    queue.push(PROVIDER.address, { votes: [voteOf(1)], openings: [] })
    expect(sent).toEqual([])
    queue.push(PROVIDER.address, { votes: [voteOf(0), voteOf(1)], openings: [openingOf(1)] })
    expect(sent).toEqual([{ votes: [voteOf(1)], openings: [openingOf(1)] }])
    queue.flushAll()
    expect(sent.slice(1)).toEqual([{ votes: [voteOf(0), voteOf(1), voteOf(0)], openings: [] }])
  })

  it('leave at once when a bundle is full', () => {
    const sent: VoteBundle[] = []
    const queue = new SendQueue(60_000, (_operator, bundle) => sent.push(bundle))
    for (let at = 0; at < 16; at += 1) queue.push(PROVIDER.address, { votes: [voteOf(0)], openings: [] })
    expect(sent.map(({ votes }) => votes.length)).toEqual([16])
  })
})

describe('the grants a verifier judges', () => {
  const evidence = {
    kind: 'nitro',
    document: new Uint8Array(1),
    blockNumber: 5,
    blockHash: H('b'),
    collateral: new Uint8Array(0),
  } as const
  const grant: SignedGrant = { ...buildGrant(), evidence }
  const digest = grantDigest(grant)

  function bookOf(answer: GrantProblem | undefined, change: { head?: number; pulled?: SignedGrant } = {}) {
    let asked = 0
    const grants: GrantChecker = {
      check: async (signed) =>
        answer === undefined
          ? {
              ok: true,
              value: { digest, signed, assurance: ASSURANCE.simulated, notChecked: 4, evidence: {} as never },
            }
          : { ok: false, error: answer },
    }
    const sync = {
      ask: async () => {
        asked += 1
        return change.pulled === undefined
          ? { ok: false, error: { code: 'not-found', message: '' } }
          : { ok: true, value: { grant: change.pulled } }
      },
    } as unknown as Sync
    const chain = { head: () => ({ number: change.head ?? 10, hash: H('h'), parentHash: H('p'), timestamp: NOW }) }
    const book = createGrantBook(
      {
        grants,
        sync,
        chain,
        clock: () => NOW,
        directory: { peerOf: () => 'peer' },
      },
      { domain: DOMAIN },
    )
    return { book, asked: () => asked }
  }

  it('R6 carry assurance and what was not checked', async () => {
    const { book, asked } = bookOf(undefined)
    book.add(grant)
    const judged = await book.judge(digest, PROVIDER.address)
    expect(judged).toMatchObject({
      digest,
      verdict: { ok: true, value: { assurance: ASSURANCE.simulated, notChecked: 4 } },
    })
    expect(book.judged(digest)).toBe(judged)
    expect(asked()).toBe(0)
  })

  it('are pulled when no link brought them, and only the one that was asked for', async () => {
    const pulled = bookOf(undefined, { pulled: grant })
    expect(await pulled.book.judge(digest, PROVIDER.address)).toMatchObject({ verdict: { ok: true } })
    const other = bookOf(undefined, { pulled: { ...buildGrant({ policyEpoch: 2 }), evidence } })
    expect(await other.book.judge(digest, PROVIDER.address)).toBeUndefined()
  })

  it.each([
    ['bad-grant', 'bad-grant'],
    ['grant-expired', 'bad-grant'],
    ['measurement-refused', 'stale-policy'],
    ['stale-policy', 'stale-policy'],
    ['chip-revoked', 'stale-policy'],
    ['report-data-mismatch', 'bad-evidence'],
    ['evidence-block', 'bad-evidence'],
  ])('with %s are %s', async (code, reason) => {
    const { book } = bookOf({ code, message: '' })
    book.add(grant)
    expect(await book.judge(digest, PROVIDER.address)).toMatchObject({ verdict: { ok: false, error: reason } })
  })

  it('R5 whose copy does not hold are asked of their operator, as a stranger may have changed what no signature covers', async () => {
    const { book, asked } = bookOf({ code: 'report-data-mismatch', message: '' }, { pulled: grant })
    book.add(grant)
    expect(await book.judge(digest, PROVIDER.address)).toMatchObject({ verdict: { ok: false, error: 'bad-evidence' } })
    expect(asked()).toBe(1)
  })

  it('wait while this chain is behind, or the evidence bytes are not those the grant names', async () => {
    const behind = bookOf({ code: 'evidence-block', message: '' }, { head: 4 })
    behind.book.add(grant)
    expect(await behind.book.judge(digest, PROVIDER.address)).toBeUndefined()
    const swapped = bookOf({ code: 'evidence-digest', message: '' })
    swapped.book.add(grant)
    expect(await swapped.book.judge(digest, PROVIDER.address)).toBeUndefined()
    expect(swapped.book.signed(digest)).toBeUndefined()
  })
})
