import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type InferenceEngine, onnxEngine } from '../../../src/inference/index.ts'
import {
  authorizedOf,
  type ChannelAccount,
  channelIdOf,
  type Digest,
  encodeTensors,
  H,
  type JobAccount,
  MODE,
  PRIVACY,
  type RankedOffer,
  REASON,
  STATUS,
  TIER,
  type VoteBundle,
  ZERO_ADDRESS,
} from '../../../src/protocol/index.ts'
import type { CommitteeLookup } from '../../../src/roles/committee.ts'
import type { KeptJob } from '../../../src/roles/requester/keptJob.ts'
import type { InferenceOrder } from '../../../src/roles/requester/requester.ts'
import { decode } from '../../../src/wire/index.ts'
import { type FixedProvider, startFixedProvider } from '../../support/fixedChain.ts'
import { CHANNEL_DOMAIN, payeeOf } from '../../support/paidProvider.ts'
import { type PaidRequester, type PaidRequesterInit, startPaidRequester, X402 } from '../../support/paidRequester.ts'
import { until } from '../../support/paymentWorld.ts'
import { SimulatedChannels } from '../../support/simulatedChannels.ts'
import { castVote, committeeOfSize, signerOf } from '../../support/votes.ts'
import { tinyGraph, writeModel } from '../../unit/inference/fixtures.ts'

/** 64 rows are 64 units: four slices. */
const ROWS = 64
const HANG_MS = 60_000
const FLOAT = 10n ** 8n
const operator = signerOf('provider')
const three = committeeOfSize(3)
const committee: CommitteeLookup = {
  committeeOf: async () => ({
    ok: true,
    value: { seats: three.seats, fastSeed: H('test/fast-seed'), epoch: 1, owner: ZERO_ADDRESS, stake: 10n ** 22n },
  }),
  seatEpochAt: () => 1,
  seatHolders: async () => [],
  isProvider: async () => true,
}

/** Blocks that hold deposits may not be safe yet. */
class Chain extends SimulatedChannels {
  isSafe = true

  override async deposit(payment: Parameters<SimulatedChannels['deposit']>[0]) {
    const channel = channelIdOf(CHANNEL_DOMAIN, payment.config)
    const { safeBalance } = this.fundsOf(channel)
    const deposited = await super.deposit(payment)
    if (this.isSafe || !deposited.ok) return deposited
    this.set(channel, { safeBalance })
    return { ...deposited, value: { ...deposited.value, funds: this.fundsOf(channel) } }
  }
}

let engine: InferenceEngine
let directory: string
let provider: FixedProvider
let model: Digest
const chain = new Chain(CHANNEL_DOMAIN)
const kept = new Map<Digest, KeptJob>()
/** How the committee votes on what is published. */
let verdict: 'accepts' | 'rejects' | 'sleeps' = 'accepts'
let devices = 0
const stops: (() => Promise<void>)[] = []

function vote(checkpoint: Digest, count: number): VoteBundle | undefined {
  if (verdict === 'sleeps') return undefined
  const all = Array.from({ length: count }, (_, index) => index)
  const votes = three.seats.map((_, member) =>
    verdict === 'accepts'
      ? castVote(three, { member, checkpoint, accepted: all, replayed: all })
      : castVote(three, {
          member,
          checkpoint,
          replayed: all,
          rejected: all.map((index) => [index, REASON['output-mismatch']] as const),
        }),
  )
  return { votes, openings: [] }
}

beforeAll(async () => {
  engine = onnxEngine()({ clock: Date.now })
  await engine.start()
  const written = await writeModel(tinyGraph, { maxBatch: ROWS })
  model = written.id
  await engine.load(written)
  directory = await mkdtemp(join(tmpdir(), 'opg-paid-requester-'))
  const terms = { payee: payeeOf(operator), float: FLOAT, minDeposit: 10n, tokenName: 'OPG', tokenVersion: '1' }
  provider = await startFixedProvider({
    ...{ engine, models: [written], storeAt: join(directory, 'provider'), perRequest: 0n },
    payments: { channels: chain, context: X402, terms },
    bench: { committee, vote },
  })
}, HANG_MS)

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
  verdict = 'accepts'
  chain.isSafe = true
})

afterAll(async () => {
  await provider?.stop()
  await engine?.stop()
  await rm(directory, { recursive: true, force: true })
})

/** A device with a key and a channel of its own; the same index is the same device after a restart. */
async function startDevice(init: Partial<PaidRequesterInit> = {}): Promise<PaidRequester & { readonly index: number }> {
  devices += 1
  const index = init.index ?? devices
  const storeAt = join(directory, `requester-${index}`)
  const device = await startPaidRequester({ provider, chain, storeAt, kept, committee, ...init, index })
  let isStopped = false
  const stop = async (): Promise<void> => {
    if (!isStopped) await device.stop()
    isStopped = true
  }
  stops.push(stop)
  await until(() => device.offers.live().length === 1)
  return { ...device, index, stop }
}

function order(rows = ROWS, changes: Partial<InferenceOrder> = {}): InferenceOrder {
  const input = encodeTensors({ x: { dtype: 'F32', shape: [rows, 3], data: new Float32Array(3 * rows).fill(1) } })
  return {
    ...{ model, input, parameters: {}, tier: TIER.replay, privacy: PRIVACY.open, mode: MODE.local },
    ...{ maxOutputUnits: rows, timeoutMs: HANG_MS },
    ...changes,
  }
}

const offerOf = ({ requester }: PaidRequester, maxOutputUnits = ROWS): RankedOffer => {
  const [offer] = requester.rank({ model, tier: TIER.replay, privacy: PRIVACY.open, maxOutputUnits })
  if (offer === undefined) throw new RangeError('no offer')
  return offer
}

const accountOf = ({ payer }: PaidRequester): ChannelAccount => {
  const [account] = payer.ledger.channels()
  if (account === undefined) throw new RangeError('no channel')
  return account
}

/** What the provider's store holds of a channel, and of a job. */
async function payeeAccount(channel: Digest): Promise<ChannelAccount> {
  const read = decode('ChannelAccount', (await provider.store.get('payeeChannels', [channel])) ?? new Uint8Array())
  if (!read.ok) throw read.error
  return read.value
}

async function outcomes(device: PaidRequester, jobId: Digest): Promise<[JobAccount['outcome'], JobAccount['outcome']]> {
  const read = async (value: Uint8Array | undefined): Promise<JobAccount['outcome']> => {
    const account = value && decode('JobAccount', value)
    return account?.ok === true ? account.value.outcome : undefined
  }
  return [
    await read(await device.store.get('payerSettlements', [jobId])),
    await read(await provider.store.get('payeeSettlements', [jobId])),
  ]
}

/** Both books say the same, on disk, and the job ended so in both. */
async function expectAgreed(device: PaidRequester, jobId: Digest, outcome: 'paid' | 'refunded'): Promise<void> {
  await until(async () => (await outcomes(device, jobId)).every((each) => each === outcome))
  const own = accountOf(device)
  expect(device.payer.ledger.unsettled(own.id)).toEqual([])
  // The last voucher is on its way when the answer is handed on.
  await until(async () => authorizedOf(await payeeAccount(own.id)) === authorizedOf(own))
  expect((await payeeAccount(own.id)).charged).toBe(own.charged)
}

describe('a requester and a provider over libp2p (R23, R24)', { timeout: 2 * HANG_MS }, () => {
  it('deposit once, pay four slices as they stream, and agree to the wei', async () => {
    const device = await startDevice()
    const quote = await device.payer.quote(offerOf(device))
    expect(quote).toMatchObject({ isKnown: false, balance: 0n, free: 0n, deposit: 10n ** 12n, refusal: undefined })
    const heads: number[] = []
    const vouchers: bigint[] = []
    const answer = await device.requester.request(order(), {
      onProgress: (each) => {
        if (each.type === 'head') heads.push(each.index)
        if (each.type === 'voucher') vouchers.push(each.authorized)
      },
    })
    if (!answer.ok) throw new Error(answer.error.message)
    const { jobId, receipt, payment } = answer.value
    expect(receipt.receipt).toMatchObject({ status: STATUS.complete, outputUnits: ROWS })
    expect(heads).toHaveLength(4)
    expect(vouchers).toEqual(vouchers.toSorted((a, b) => Number(a - b)))
    expect(payment).toMatchObject({ channel: quote.channel, fee: receipt.receipt.fee, charged: receipt.receipt.fee })
    await expectAgreed(device, jobId, 'paid')
    expect(authorizedOf(accountOf(device))).toBe(receipt.receipt.fee)
    const after = await device.payer.quote(offerOf(device))
    expect(after).toMatchObject({ isKnown: true, charged: receipt.receipt.fee, deposit: 0n })
    expect(after.free).toBe(10n ** 12n - receipt.receipt.fee)
  })

  it('begin on a channel that is funded already with a voucher of nothing', async () => {
    const device = await startDevice()
    const { channel } = await device.payer.quote(offerOf(device))
    chain.set(channel, { balance: 10n ** 15n, safeBalance: 10n ** 15n })
    const before = chain.deposits
    const answer = await device.requester.request(order(16))
    if (!answer.ok) throw new Error(answer.error.message)
    expect(chain.deposits).toBe(before)
    await expectAgreed(device, answer.value.jobId, 'paid')
  })

  it('serve on a deposit that is not safe yet as far as the float goes, and the rest once it is (R24)', async () => {
    const device = await startDevice()
    chain.isSafe = false
    const { ceiling } = offerOf(device)
    expect(ceiling).toBeGreaterThan(FLOAT)
    const early = await device.requester.request(order())
    expect(early).toMatchObject({ ok: false, error: { code: 'refused', cause: 'insufficient-funds', paid: 0n } })
    const { id } = accountOf(device)
    expect(device.payer.ledger.unsettled(id)).toEqual([])
    expect(device.budgets.open()).toEqual([])
    chain.set(id, { safeBalance: chain.fundsOf(id).balance })
    const answer = await device.requester.request(order())
    if (!answer.ok) throw new Error(answer.error.message)
    await expectAgreed(device, answer.value.jobId, 'paid')
  })

  it('keep concurrent jobs to the budget of the day, to the last one that fits', async () => {
    const device = await startDevice()
    const { ceiling } = offerOf(device, 16)
    await device.stop()
    const poor = await startDevice({ index: device.index, budget: { perDay: 3n * ceiling + 1n } })
    const answers = await Promise.all(Array.from({ length: 5 }, () => poor.requester.request(order(16))))
    const refused = answers.filter((each) => !each.ok).map((each) => each.ok || [each.error.code, each.error.cause])
    expect(refused).toEqual(Array(2).fill(['payment', 'over-day-budget']))
    expect(accountOf(poor).charged).toBe(3n * ceiling)
    const quote = await poor.payer.quote(offerOf(poor, 16))
    expect(quote.refusal).toMatchObject({ code: 'over-day-budget' })
    await until(async () => (await payeeAccount(quote.channel)).charged === 3n * ceiling)
  })
})

describe('a quorum answer', { timeout: 2 * HANG_MS }, () => {
  it('is paid its last slice on the certificate that accepts it (R11)', async () => {
    const device = await startDevice()
    let before = 0n
    const answer = await device.requester.request(order(ROWS, { mode: MODE.quorum }), {
      onProgress: ({ type }) => {
        if (type === 'certificate') before = authorizedOf(accountOf(device))
      },
    })
    if (!answer.ok) throw new Error(answer.error.message)
    const { jobId, receipt, verdict: told } = answer.value
    const { fee } = receipt.receipt
    expect(told).toMatchObject({ status: 'accepted', votes: 3, replayed: 3 })
    expect(before).toBeGreaterThan(0n)
    expect(before).toBeLessThan(fee)
    expect(authorizedOf(accountOf(device))).toBe(fee)
    await expectAgreed(device, jobId, 'paid')
  })

  it.each([
    ['rejects', 'rejected'],
    ['sleeps', 'undecided'],
  ] as const)('of a committee that %s is refunded in both books (R26)', async (how, code) => {
    const device = await startDevice()
    verdict = how
    const answer = await device.requester.request(order(ROWS, { mode: MODE.quorum }))
    expect(answer).toMatchObject({ ok: false, error: { code, paid: 0n } })
    const { id } = accountOf(device)
    const jobId = [...kept].findLast(([, { job }]) => job.channel === id)?.[0] ?? id
    await until(async () => (await outcomes(device, jobId)).every((each) => each === 'refunded'))
    expect(await device.requester.retry(jobId)).toMatchObject({
      ok: false,
      error: { code: 'refused', got: 'refunded' },
    })
    expect([accountOf(device).charged, (await payeeAccount(id)).charged]).toEqual([0n, 0n])
    expect(device.budgets.open()).toEqual([])
    const authorized = authorizedOf(accountOf(device))
    expect(authorized).toBeGreaterThan(0n)
    // Who was rejected is not asked again; to anybody else what is authorized and not owed pays the next job.
    if (how === 'rejects') return
    const next = await device.requester.request(order(16))
    if (!next.ok) throw new Error(next.error.message)
    const { fee } = next.value.receipt.receipt
    expect(accountOf(device).charged).toBe(fee)
    expect(authorizedOf(accountOf(device))).toBe(authorized > fee ? authorized : fee)
    await until(async () => (await payeeAccount(id)).charged === fee)
  })
})

describe('a paid job that did not end well', { timeout: 2 * HANG_MS }, () => {
  /** Verifies heads and pays nothing for them. */
  const stopPaying = ({ payer }: PaidRequester): void => {
    const nothing = { entries: [] }
    Object.assign(payer.ledger, { verified: () => nothing, asked: () => ({ ok: true, value: nothing }) })
  }

  it('costs what was released when its requester cancels it (R26)', async () => {
    const device = await startDevice()
    stopPaying(device)
    const cancel = new AbortController()
    let jobId: Digest = H('test/none')
    const answer = await device.requester.request(order(), {
      signal: cancel.signal,
      onProgress: (each) => {
        if (each.type !== 'head' || each.index < 2) return
        jobId = each.jobId
        cancel.abort()
      },
    })
    expect(answer).toMatchObject({ ok: false, error: { code: 'cancelled' } })
    if (answer.ok) return
    expect(answer.error.paid).toBeGreaterThan(0n)
    expect(answer.error.paid).toBe(accountOf(device).charged)
    expect(answer.error.paid).toBeLessThan(offerOf(device).ceiling)
    await expectAgreed(device, jobId, 'paid')
  })

  it('is brought back whole by a retry of another process, charged once (R27)', async () => {
    const first = await startDevice()
    const answer = await first.requester.request(order())
    if (!answer.ok) throw new Error(answer.error.message)
    const { jobId, receipt, chunks } = answer.value
    await first.stop()
    const second = await startDevice({ index: first.index })
    const again = await second.requester.retry(jobId)
    if (!again.ok) throw new Error(again.error.message)
    expect(again.value.receipt).toEqual(receipt)
    expect(again.value.chunks).toEqual(chunks)
    expect(accountOf(second).charged).toBe(receipt.receipt.fee)
    await expectAgreed(second, jobId, 'paid')
    await expect(second.requester.retry(H('test/none'))).rejects.toThrow(RangeError)
  })

  it('is settled by recall after its requester died with the stream, by what the provider signed (R26, R27)', async () => {
    const first = await startDevice()
    stopPaying(first)
    const { promise, resolve } = Promise.withResolvers<Digest>()
    void first.requester.request(order(), {
      onProgress: (each) => {
        if (each.type === 'head' && each.index === 2) resolve(each.jobId)
      },
    })
    const jobId = await promise
    await first.stop()
    const second = await startDevice({ index: first.index })
    await until(async () => {
      await second.requester.recall(operator.address)
      return second.payer.ledger.job(jobId) === undefined
    })
    await expectAgreed(second, jobId, 'paid')
    expect(accountOf(second).charged).toBeGreaterThan(0n)
    expect(accountOf(second).charged).toBeLessThan(offerOf(second).ceiling)
  })
})
