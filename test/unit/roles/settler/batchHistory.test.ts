import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AnchoredBatch, ChainError } from '../../../../src/chain/index.ts'
import type { GossipValidator } from '../../../../src/net/index.ts'
import {
  batchDigest,
  buildBatch,
  type Digest,
  fail,
  H,
  ok,
  type SettledCheckpoint,
  type SignedBatch,
  ZERO_DIGEST,
} from '../../../../src/protocol/index.ts'
import { type BatchHistory, createBatchHistory, SettledStore } from '../../../../src/roles/index.ts'
import { openStore, type Store } from '../../../../src/store/index.ts'
import { encodeGossip } from '../../../../src/wire/index.ts'
import { NOW } from '../../../support/records.ts'
import { crypto, DOMAIN, settledOf, signerOf } from '../../../support/settledFixture.ts'
import { until } from '../../../support/settlementWorld.ts'

const SIGNERS = [0, 1, 2, 3].map((seat) => ({ seat, operator: signerOf('verifier', seat).address, weight: 10n }))
const PROVIDER = settledOf().signed.checkpoint.operator

function batchOf(number: number, previous: Digest, settled: readonly SettledCheckpoint[]): SignedBatch {
  const settler = signerOf('settler').address
  const built = buildBatch(DOMAIN, { number, previous, epoch: 1, settler, cutoff: NOW + number, settled })
  const digest = batchDigest(DOMAIN, built.batch)
  const signatures = SIGNERS.map(({ seat }) => ({ seat, signature: signerOf('verifier', seat).sign(digest) }))
  return { ...built, signatures, settlerSignature: signerOf('settler').sign(digest) }
}

/** The history with its store, on a chain and peers that the test moves. */
describe('the history of batches', () => {
  let directory: string
  let store: Store
  let history: BatchHistory
  let chain: SignedBatch[]
  let block: Digest
  let finalized: number
  let isDown: boolean
  let served: Map<number, SignedBatch>
  let answers: () => Promise<void>
  let gossip: GossipValidator
  let announce: () => void
  const reports: string[] = []
  const warnings: object[] = []

  const anchoredOf = ({ batch }: SignedBatch): AnchoredBatch => ({
    batch,
    digest: batchDigest(DOMAIN, batch),
    signers: 15n,
    transaction: H('test/transaction'),
    blockNumber: batch.number * 10,
    blockHash: block,
    gasUsed: 1n,
  })

  const read = <T>(value: T): T => {
    if (isDown) throw new ChainError({ code: 'rpc-unreachable', endpoints: ['a'] }, 'expected an answer, got none')
    return value
  }

  beforeEach(async () => {
    chain = []
    block = H('test/block', 1)
    finalized = 0
    isDown = false
    served = new Map()
    answers = async () => undefined
    reports.length = 0
    warnings.length = 0
    directory = await mkdtemp(join(tmpdir(), 'opg-history-'))
    const quiet = { debug: () => undefined, info: () => undefined, error: () => undefined }
    const logger = { ...quiet, warn: (fields: object) => void warnings.push(fields) }
    store = await openStore(directory, { clock: () => NOW, logger })
    history = createBatchHistory(
      {
        chain: {
          lastBatch: async () => {
            const last = chain.at(-1)
            return read({ number: chain.length, digest: last ? batchDigest(DOMAIN, last.batch) : ZERO_DIGEST })
          },
          batch: async (number: number) => read(chain[number - 1] && anchoredOf(chain[number - 1]!)),
          onAnchored: (handler: () => void) => {
            announce = handler
            return () => undefined
          },
          onReorg: () => () => undefined,
          blockByNumber: async (number: number) => ({ number, timestamp: NOW }) as never,
          chainNow: () => NOW,
          forced: async () => [],
          finalized: () => ({ number: finalized }) as never,
          signingSet: async () => ({ openedIn: 1, signers: SIGNERS, jury: SIGNERS }),
        } as never,
        host: {
          connectedPeers: () => ['peer'],
          conduct: { report: (_: string, code: string) => void reports.push(code) },
          gossip: {
            subscribe: (_: string, validator: GossipValidator) => {
              gossip = validator
            },
            unsubscribe: () => undefined,
          },
        } as never,
        sync: {
          respond: () => undefined,
          ask: async (_: string, request: { value: { number: number } }) => {
            await answers()
            const batch = served.get(request.value.number)
            return batch === undefined ? fail({ code: 'not-found', message: 'none' }) : ok({ batch })
          },
        } as never,
        store: new SettledStore(store),
        crypto,
        logger,
      },
      { domain: DOMAIN },
    )
    await history.start()
  })

  afterEach(async () => {
    await history.stop()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })

  const anchor = (...settled: SettledCheckpoint[]): SignedBatch => {
    const last = chain.at(-1)
    const batch = batchOf(chain.length + 1, last ? batchDigest(DOMAIN, last.batch) : ZERO_DIGEST, settled)
    chain.push(batch)
    served.set(batch.batch.number, batch)
    announce()
    return batch
  }

  it('fetches leaves, and takes none that the chain does not name (R21)', async () => {
    const batch = anchor(settledOf())
    await until(() => history.nextSequence(PROVIDER) === 1, 'it to follow')
    expect(await history.batch(1)).toEqual(batch)
    const honest = anchor(settledOf({ sequence: 1 }))
    served.set(2, { ...honest, leaves: honest.leaves.map((leaf) => ({ ...leaf, count: 9 })) })
    await until(() => reports.includes('bad-batch'), 'the lie to be reported')
    expect((await history.tip()).number).toBe(1)
    served.set(2, { ...honest, signatures: [{ seat: 0, signature: honest.signatures[1]!.signature }] })
    await until(() => history.nextSequence(PROVIDER) === 2, 'it to follow')
    expect((await history.batch(2))?.signatures).toEqual([])
  })

  it('takes no forged signature of the settler, and follows without one where nobody has it (R21)', async () => {
    const batch = anchor(settledOf())
    await until(() => history.nextSequence(PROVIDER) === 1, 'it to follow')
    expect((await history.batch(1))?.settlerSignature).toBe(batch.settlerSignature)
    const next = anchor(settledOf({ sequence: 1 }))
    served.set(2, { ...next, settlerSignature: signerOf('forger').sign(batchDigest(DOMAIN, next.batch)) })
    await until(() => reports.includes('bad-batch'), 'the forgery to be reported')
    expect((await history.tip()).number).toBe(1)
    const { settlerSignature: _, ...without } = next
    served.set(2, without)
    await until(() => history.nextSequence(PROVIDER) === 2, 'it to follow')
    expect(await history.batch(2)).toEqual(without)
    expect(await gossip(encodeGossip('batch', next), 'peer')).toEqual({ action: 'accept' })
    expect(await history.batch(2)).toEqual(next)
  })

  it('keeps nobody waiting for peers that do not answer', async () => {
    const gate = Promise.withResolvers<void>()
    answers = () => gate.promise
    anchor(settledOf())
    expect((await history.tip()).number).toBe(0)
    gate.resolve()
    await until(async () => (await history.tip()).number === 1, 'it to follow')
  })

  it('goes back with the chain, and on with what the chain took instead (R22)', async () => {
    const wentBack: number[] = []
    history.onUnanchored((number) => wentBack.push(number))
    const [first] = [anchor(settledOf()), anchor(settledOf({ sequence: 1 }), settledOf({ sequence: 2 }))]
    await until(() => history.nextSequence(PROVIDER) === 3, 'it to follow')
    chain = [first]
    block = H('test/block', 2)
    announce()
    await until(() => wentBack.length > 0, 'it to go back')
    expect(wentBack).toEqual([1])
    expect(history.nextSequence(PROVIDER)).toBe(1)
    anchor(settledOf({ sequence: 1 }))
    await until(() => history.nextSequence(PROVIDER) === 2, 'it to follow')
    expect((await history.tip()).number).toBe(2)
    expect(wentBack).toEqual([1])
  })

  it('says once that the chain is down, and goes on when it is back', async () => {
    isDown = true
    anchor(settledOf())
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    expect(warnings).toMatchObject([{ code: 'rpc-unreachable' }])
    isDown = false
    await until(() => history.nextSequence(PROVIDER) === 1, 'it to follow')
  })

  it('joins the signatures of a batch too large to gossip whole to the leaves it signed (R8, R21)', async () => {
    const batch = batchOf(1, ZERO_DIGEST, [settledOf()])
    const digest = batchDigest(DOMAIN, batch.batch)
    await history.keepProposal({ ...batch, signatures: [] }, digest)
    chain.push(batch)
    announce()
    await until(() => history.nextSequence(PROVIDER) === 1, 'it to follow')
    expect(await gossip(encodeGossip('batch', { ...batch, leaves: [] }), 'peer')).toEqual({ action: 'accept' })
    expect(await history.batch(1)).toEqual(batch)
    expect(await gossip(encodeGossip('batch', batch), 'peer')).toEqual({ action: 'ignore', code: 'batch-held' })
  })

  it('prunes what final batches made superfluous, and keeps what a reorganisation may bring back (R22)', async () => {
    const keeper = new SettledStore(store)
    const all = [settledOf(), settledOf({ sequence: 1 })]
    await keeper.commit(all, [])
    anchor(all[0]!)
    finalized = 10
    anchor(all[1]!)
    await until(() => history.nextSequence(PROVIDER) === 2, 'it to follow')
    await until(async () => (await keeper.allSettled()).length === 1, 'the final one to be pruned')
    expect((await keeper.allSettled())[0]?.digest).toBe(all[1]!.digest)
  })
})
