import { describe, expect, it } from 'vitest'
import {
  CHECKPOINT,
  ceilingOf,
  chargeOf,
  createChannelDomain,
  digestOf,
  H,
  type JobAccount,
  type JobRequest,
  MODE,
  type ProviderEffect,
  type RefusalCode,
  STATUS,
  splitOutput,
  type Voucher,
  voucherDigest,
} from '../../../../../src/protocol/index.ts'
import { SETTLE_WAIT_MS, VOUCHER_WAIT_MS } from '../../../../../src/protocol/machines/provider.ts'
import {
  bitFlipped,
  configOf,
  DEPOSIT,
  funded,
  OTHER_CHANNEL,
  PaidProvider,
  signVoucher,
  strangerVoucher,
} from '../../../../support/paidProvider.ts'
import {
  countingSecp256k1,
  entriesOf,
  jobIdOf,
  NOW,
  REQUESTER,
  repliesTo,
  replyOf,
  runResult,
  typed,
} from '../../../../support/protocolWorld.ts'
import { DOMAIN, signerOf } from '../../../../support/votes.ts'

/** 64 units are four pieces and four slices. */
const UNITS = 64
const OUTPUT = Uint8Array.from({ length: 6_400 }, (_, at) => at % 251)
const LATE = NOW + 10 + VOUCHER_WAIT_MS

const refusals = (effects: readonly ProviderEffect[], stream?: number): RefusalCode[] =>
  repliesTo(effects, stream).flatMap((reply) => (reply.type === 'refusal' ? [reply.code] : []))
const heads = (effects: readonly ProviderEffect[], stream?: number) =>
  repliesTo(effects, stream).flatMap((reply) => (reply.type === 'head' ? [reply.signed.head] : []))
const ledgers = (effects: readonly ProviderEffect[], stream?: number) => typed(repliesTo(effects, stream), 'ledger')
const jobs = (effects: readonly ProviderEffect[]): JobAccount[] =>
  entriesOf(effects, 'job-account').map(({ account }) => account)

function opened(options: ConstructorParameters<typeof PaidProvider>[0] = {}): PaidProvider {
  const provider = new PaidProvider(options)
  provider.show()
  return provider
}

/** A job of 64 units whose first slice is paid, run to its end. */
function streaming(provider: PaidProvider, mode: number = MODE.local, stream = 1) {
  const probe = provider.paid(undefined, { maxOutputUnits: UNITS })
  const slice = provider.slice(probe)
  const request = provider.paid(slice, { maxOutputUnits: UNITS, mode })
  const asked = provider.ask(request, stream)
  const ran = provider.finish(request, { output: OUTPUT, units: UNITS })
  return { request, slice, asked, ran, jobId: jobIdOf(request) }
}

/** Pays what is asked for until the stream ends. */
function payAll(provider: PaidProvider, effects: readonly ProviderEffect[], stream = 1): ProviderEffect[] {
  const all: ProviderEffect[] = [...effects]
  for (let last = effects; ; ) {
    const call = ledgers(last, stream).at(-1)
    if (call === undefined || call.required <= call.authorized) return all
    last = provider.pay(call.required, stream)
    all.push(...last)
  }
}

describe('a paid job of one slice (R24, R27)', () => {
  it('costs one commit before the work and one for the answer, and verifies one voucher', () => {
    const counting = countingSecp256k1()
    const provider = opened({ init: { crypto: counting.crypto } })
    const before = counting.recovered()
    const request = provider.paid(provider.slice(provider.paid(undefined)))
    const asked = provider.ask(request)
    const ran = provider.finish(request)
    expect(counting.recovered() - before).toBe(2)
    expect(typed(asked, 'persist')).toHaveLength(1)
    expect(typed(ran, 'persist')).toHaveLength(1)
    expect(asked.map(({ type }) => type)).toEqual(['run', 'persist', 'reply'])
    expect(ran[0]?.type).toBe('persist')
    expect(typed(ran, 'persist')[0]?.entries.map(({ kind }) => kind)).toEqual([
      'answer',
      'channel-account',
      'job-account',
    ])
    expect(jobs(ran)).toMatchObject([{ state: 'settled', outcome: 'paid' }])
  })

  it('names its place in the ledger, the channel and the voucher on receipt and record (R23)', () => {
    const provider = opened()
    const request = provider.paid(provider.slice(provider.paid(undefined)))
    provider.ask(request)
    const { receipt } = replyOf(repliesTo(provider.finish(request)), 'receipt').signed
    expect(receipt.chargedAfter).toBe(receipt.fee)
    const [{ answer } = { answer: undefined }] = entriesOf(provider.effects, 'answer')
    expect(answer?.record).toMatchObject({ channelConfig: provider.config, voucher: request.voucher })
  })

  it('concurrent jobs share one ledger ordered by chargedAfter (R24)', () => {
    const provider = opened()
    const slice = provider.slice(provider.paid(undefined))
    const requests = [1n, 2n, 3n].map((count) => provider.paid(count * slice))
    for (const [at, request] of requests.entries()) provider.ask(request, at + 1)
    let charged = 0n
    for (const at of [2, 0, 1]) {
      const { receipt } = replyOf(repliesTo(provider.finish(requests[at]!), at + 1), 'receipt').signed
      charged += receipt.fee
      expect(receipt.chargedAfter).toBe(charged)
    }
    expect(provider.books.account(provider.channel)?.charged).toBe(charged)
    expect(provider.books.unsettled(provider.channel)).toEqual([])
  })

  it('takes no second job on the first slice of another, and says what voucher would do', () => {
    const provider = opened()
    const slice = provider.slice(provider.paid(undefined))
    provider.ask(provider.paid(slice), 1)
    const effects = provider.ask(provider.paid(undefined), 2)
    expect(refusals(effects)).toEqual(['payment-required'])
    expect(ledgers(effects, 2)).toMatchObject([{ authorized: slice, required: 2n * slice }])
  })
})

interface BadVoucher {
  readonly code: RefusalCode
  readonly why: string
  readonly voucher: (provider: PaidProvider) => Voucher
  readonly arrange?: (provider: PaidProvider) => void
}

const foreign = createChannelDomain(8_453, `0x${'40'.repeat(20)}`)
const otherContract = createChannelDomain(31_337, `0x${'41'.repeat(20)}`)
const signedUnder = (domain: typeof foreign, { channel }: PaidProvider): Voucher => ({
  channel,
  amount: DEPOSIT / 2n,
  signature: REQUESTER.sign(voucherDigest(domain, { channel, amount: DEPOSIT / 2n })),
})

const BAD: readonly BadVoucher[] = [
  { code: 'bad-voucher', why: 'is for another channel', voucher: () => signVoucher(OTHER_CHANNEL, DEPOSIT / 2n) },
  { code: 'bad-voucher', why: 'is for another chain', voucher: (provider) => signedUnder(foreign, provider) },
  { code: 'bad-voucher', why: 'is for another contract', voucher: (provider) => signedUnder(otherContract, provider) },
  { code: 'bad-voucher', why: 'is by another key', voucher: ({ channel }) => strangerVoucher(channel, DEPOSIT / 2n) },
  {
    code: 'bad-voucher',
    why: 'has one bit flipped',
    voucher: ({ channel }) => bitFlipped(signVoucher(channel, DEPOSIT / 2n)),
  },
  {
    code: 'voucher-over-deposit',
    why: 'is above the deposit',
    voucher: ({ channel }) => signVoucher(channel, DEPOSIT + 1n),
  },
  {
    code: 'channel-closing',
    why: 'is by a key whose channel closes',
    voucher: ({ channel }) => signVoucher(channel, DEPOSIT / 2n),
    arrange: (provider) =>
      provider.handle({ type: 'funds', now: NOW, channel: provider.channel, funds: funded({ withdrawing: true }) }),
  },
  {
    code: 'voucher-over-deposit',
    why: 'is on a deposit that a reorganisation took away (R22)',
    voucher: ({ channel }) => signVoucher(channel, DEPOSIT / 2n),
    arrange: (provider) =>
      provider.handle({
        type: 'funds',
        now: NOW,
        channel: provider.channel,
        funds: funded({ balance: 0n, safeBalance: 0n }),
      }),
  },
]

describe('a voucher (R23, R24)', () => {
  it.each(BAD)(
    '$why: the job it comes with is refused with $code and nothing is owed',
    ({ code, voucher, arrange }) => {
      const provider = opened()
      arrange?.(provider)
      const request = provider.paid(undefined, {}, { voucher: voucher(provider) })
      const effects = provider.ask(request, 5)
      expect(refusals(effects, 5)).toEqual([code])
      expect(typed(effects, 'run')).toEqual([])
      expect(entriesOf(effects, 'reservation')).toEqual([])
      expect(provider.books.account(provider.channel)?.voucher).toBeUndefined()
    },
  )

  it.each(BAD.filter(({ why }) => !why.includes('another channel')))(
    '$why: on a stream that runs, it ends with a receipt for what was released ($code)',
    ({ voucher, arrange }) => {
      const provider = opened()
      const { ran } = streaming(provider)
      const released = heads(ran).at(-1)
      const early = arrange?.(provider)
      const effects = [
        ...(early ?? []),
        ...provider.handle({ type: 'voucher', now: NOW + 20, stream: 1, voucher: voucher(provider) }),
      ]
      const { receipt } = replyOf(repliesTo(effects, 1), 'receipt').signed
      expect(receipt).toMatchObject({ status: STATUS.truncated, fee: released?.fee })
      expect(replyOf(repliesTo(effects, 1), 'end').outcome).toBe('truncated')
    },
  )

  it('that is not signed by the channel key is held against the peer', () => {
    const provider = opened()
    streaming(provider)
    const voucher = strangerVoucher(provider.channel, DEPOSIT / 2n)
    const effects = provider.handle({ type: 'voucher', now: NOW, stream: 1, voucher })
    expect(typed(effects, 'misconduct')).toMatchObject([{ stream: 1, code: 'bad-voucher' }])
  })

  it('lower than a previous one is stale only when headroom lacks', () => {
    const provider = opened()
    const slice = provider.slice(provider.paid(undefined))
    expect(refusals(provider.ask(provider.paid(2n * slice), 1))).toEqual([])
    expect(refusals(provider.ask(provider.paid(slice), 2))).toEqual([])
    const third = provider.ask(provider.paid(slice), 3)
    expect(refusals(third, 3)).toEqual(['stale-voucher'])
    expect(ledgers(third, 3)).toMatchObject([{ authorized: 2n * slice, required: 3n * slice }])
  })

  it('replayed changes nothing and is answered all the same', () => {
    const provider = opened()
    const { request } = streaming(provider)
    const before = provider.books.account(provider.channel)
    const effects = provider.handle({ type: 'voucher', now: NOW, stream: 1, voucher: request.voucher! })
    expect(typed(effects, 'persist')).toEqual([])
    expect(ledgers(effects, 1)).toHaveLength(1)
    expect(provider.books.account(provider.channel)).toEqual(before)
  })

  it('of a channel whose configuration was not shown is refused with unknown-channel', () => {
    const provider = new PaidProvider()
    expect(refusals(provider.ask(provider.paid(10n)))).toEqual(['unknown-channel'])
    expect(refusals(provider.pay(10n, 4), 4)).toEqual(['unknown-channel'])
  })
})

describe('admission of a paid job', () => {
  it.each([
    ['wrong-receiver', { receiver: signerOf('thief').address }],
    ['bad-channel', { receiverAuthorizer: signerOf('thief').address }],
    ['bad-channel', { token: `0x${'0c'.repeat(20)}` as const }],
    ['bad-channel', { withdrawDelay: 899 }],
  ] as const)('shown as it is not served: %s', (code, change) => {
    const provider = new PaidProvider()
    const config = configOf(provider.operator, change)
    const voucher = signVoucher(provider.channel, 0n)
    const effects = provider.handle({ type: 'channel-shown', now: NOW, stream: 3, config, voucher, funds: funded() })
    expect(refusals(effects, 3)).toEqual([code])
    expect(typed(effects, 'persist')).toEqual([])
  })

  it('is refused when another key than the channel names sent the job (R23)', () => {
    const provider = new PaidProvider()
    const config = configOf(provider.operator, { payerAuthorizer: signerOf('other').address })
    const [open] = [provider.books.check(config)]
    if (!open?.ok) throw new Error('expected a channel')
    const voucher = { channel: open.value, amount: 0n, signature: signVoucher(open.value, 0n).signature }
    provider.handle({ type: 'channel-shown', now: NOW, stream: 3, config, voucher, funds: funded() })
    expect(refusals(provider.ask(provider.paid(undefined, { channel: open.value })))).toEqual(['bad-channel'])
  })

  it('reserves maxFee of what a safe block holds and a float of the rest (R24)', () => {
    const ceiling = ceilingOf(new PaidProvider().terms, 0, 4)
    for (const [float, codes] of [
      [0n, ['insufficient-funds']],
      [ceiling, []],
    ] as const) {
      const provider = new PaidProvider({ float })
      provider.show(0n, funded({ safeBalance: 0n }))
      expect(refusals(provider.ask(provider.paid(provider.slice(provider.paid(undefined)))))).toEqual(codes)
    }
  })

  it('bounds the unsettled jobs of a channel', () => {
    const provider = opened({ maxJobs: 1 })
    const slice = provider.slice(provider.paid(undefined))
    provider.ask(provider.paid(slice), 1)
    expect(refusals(provider.ask(provider.paid(2n * slice), 2))).toEqual(['busy'])
  })

  it('takes no unpaid job where none is allowed', () => {
    const provider = opened()
    const request = provider.request({ token: provider.config.token })
    expect(refusals(provider.ask(request))).toEqual(['payment-required'])
  })

  it('takes nothing more on a channel whose withdrawal was started (R25)', () => {
    const provider = opened()
    provider.pay(DEPOSIT / 2n, 9)
    provider.handle({ type: 'funds', now: NOW, channel: provider.channel, funds: funded({ withdrawing: true }) })
    expect(refusals(provider.ask(provider.paid(undefined)))).toEqual(['channel-closing'])
  })
})

describe('an answer of several slices (R24)', () => {
  it('stops within one slice of non-payment, each head at its price', () => {
    const provider = opened()
    const { ran, slice, request } = streaming(provider)
    const released = heads(ran)
    expect(released.map(({ outputUnits }) => outputUnits)).toEqual([16, 32].slice(0, released.length))
    const last = released.at(-1)!
    expect(last.fee - slice).toBeLessThanOrEqual(slice)
    const next = chargeOf(provider.terms, { ...runResult(), inputUnits: 0, outputUnits: last.outputUnits + 16 }).fee
    expect(next - slice).toBeGreaterThan(slice)
    expect(repliesTo(ran).map(({ type }) => type)).not.toContain('receipt')
    expect(request.job.maxOutputUnits).toBe(UNITS)
  })

  it('stores heads and chunks before they leave (R27)', () => {
    const provider = opened()
    const { ran } = streaming(provider)
    expect(ran[0]?.type).toBe('persist')
    const stored = entriesOf(ran, 'progress')
    expect(stored.map(({ head }) => head.head.index)).toEqual(heads(ran).map(({ index }) => index))
    expect(stored.flatMap(({ chunks }) => chunks.map(({ index }) => index))).toEqual(
      repliesTo(ran).flatMap((reply) => (reply.type === 'chunk' ? [reply.chunk.index] : [])),
    )
  })

  it('goes on with each voucher it calls for, to a receipt whose fee is that of the whole run', () => {
    const provider = opened()
    const { ran, request } = streaming(provider)
    const all = payAll(provider, ran)
    const { receipt } = replyOf(repliesTo(all, 1), 'receipt').signed
    expect(receipt).toMatchObject({ status: STATUS.complete, outputUnits: UNITS })
    expect(receipt.fee).toBe(chargeOf(provider.terms, { ...runResult(), inputUnits: 0, outputUnits: UNITS }).fee)
    const chunks = repliesTo(all, 1).flatMap((reply) => (reply.type === 'chunk' ? [reply.chunk.data] : []))
    expect(chunks).toEqual(splitOutput(OUTPUT, UNITS).map(({ data }) => data))
    expect(entriesOf(all, 'answer')[0]?.progress).toEqual([1, 2, 3].slice(0, entriesOf(all, 'progress').length))
    const { voucher } = entriesOf(all, 'answer')[0]!.answer.record
    expect(receipt.fee - voucher!.amount).toBeLessThanOrEqual(provider.slice(request))
  })

  it.each([MODE.local, MODE.quorum])('never asks for more than verified heads and one slice show (mode %i)', (mode) => {
    const provider = opened()
    const { ran, slice, request } = streaming(provider, mode)
    let last: readonly ProviderEffect[] = ran
    let shown = 0n
    for (let call = ledgers(last, 1).at(-1); call !== undefined; call = ledgers(last, 1).at(-1)) {
      shown = heads(last, 1).at(-1)?.fee ?? shown
      if (call.required <= call.authorized) break
      const most = mode === MODE.quorum ? (shown > slice ? shown : slice) : shown + slice
      expect(call.required).toBeLessThanOrEqual(most < request.job.maxFee ? most : request.job.maxFee)
      last = provider.pay(call.required)
    }
    expect(provider.effects.some((effect) => effect.type === 'reply' && effect.reply.type === 'receipt')).toBe(true)
  })

  it('that is not paid on closes truncated after the wait, signed, for its released heads', () => {
    const provider = opened()
    const { ran, jobId } = streaming(provider)
    expect(typed(ran, 'schedule-voucher')).toEqual([{ type: 'schedule-voucher', jobId, at: LATE }])
    expect(provider.handle({ type: 'voucher-due', now: LATE - 1, jobId })).toMatchObject([{ type: 'schedule-voucher' }])
    const effects = provider.handle({ type: 'voucher-due', now: LATE, jobId })
    const last = heads(ran).at(-1)!
    const { receipt } = replyOf(repliesTo(effects, 1), 'receipt').signed
    expect(receipt).toMatchObject({
      status: STATUS.truncated,
      chunks: last.index,
      outputUnits: last.outputUnits,
      fee: last.fee,
      outputHead: last.head,
    })
    const [entry] = entriesOf(effects, 'answer')
    expect(entry?.answer.record.heads.map(({ head }) => head)).toEqual(heads(ran))
    expect(entry?.answer.chunks).toHaveLength(last.index)
    expect(provider.books.account(provider.channel)?.charged).toBe(last.fee)
    expect(provider.machine.load.running).toBe(0)
    expect(typed(effects, 'schedule-checkpoint')).toHaveLength(1)
  })

  it('that the requester cancels costs its released heads, and before any nothing (R26)', () => {
    const provider = opened()
    const { ran, jobId } = streaming(provider)
    const effects = provider.handle({ type: 'cancel', now: NOW + 20, stream: 1, jobId })
    expect(replyOf(repliesTo(effects, 1), 'receipt').signed.receipt).toMatchObject({
      status: STATUS.truncated,
      fee: heads(ran).at(-1)?.fee,
    })
    const early = opened()
    const request = early.paid(early.slice(early.paid(undefined)))
    early.ask(request)
    const cancelled = early.handle({ type: 'cancel', now: NOW, stream: 1, jobId: jobIdOf(request) })
    expect(refusals(cancelled)).toEqual(['cancelled'])
    const failed = early.finish(request)
    expect(jobs(failed)).toMatchObject([{ state: 'settled', outcome: 'refunded', fee: 0n }])
    expect(early.books.account(early.channel)?.charged).toBe(0n)
  })

  it('whose stream is lost can be taken up again, with all that was released, and is else closed', () => {
    const provider = opened()
    const { ran, request, jobId } = streaming(provider)
    const lost = provider.handle({ type: 'stream-closed', now: NOW + 5_000, stream: 1 })
    expect(lost).toEqual([{ type: 'schedule-voucher', jobId, at: NOW + 5_000 + VOUCHER_WAIT_MS }])
    const again = provider.ask(request, 2, NOW + 6_000)
    expect(heads(again, 2)).toEqual(heads(ran))
    expect(ledgers(again, 2)).toHaveLength(1)
    const all = payAll(provider, again, 2)
    expect(replyOf(repliesTo(all, 2), 'receipt').signed.receipt.status).toBe(STATUS.complete)
  })

  it('is released to every stream that attached', () => {
    const provider = opened()
    const { request, ran } = streaming(provider)
    provider.ask(request, 2)
    const required = ledgers(ran, 1).at(-1)!.required
    const effects = provider.pay(required, 2)
    expect(heads(effects, 1)).toEqual(heads(effects, 2))
    expect(heads(effects, 1).length).toBeGreaterThan(0)
  })

  it('does not wait for a voucher once a withdrawal was started (R25)', () => {
    const provider = opened()
    streaming(provider)
    const effects = provider.handle({
      type: 'funds',
      now: NOW + 30,
      channel: provider.channel,
      funds: funded({ withdrawing: true }),
    })
    expect(replyOf(repliesTo(effects, 1), 'end').outcome).toBe('truncated')
  })
})

describe('failed work', () => {
  it('costs nothing and frees what was reserved (R26)', () => {
    const provider = opened()
    const request = provider.paid(provider.slice(provider.paid(undefined)))
    provider.ask(request)
    const free = provider.books.refundable(provider.channel)
    const effects = provider.handle({
      type: 'job-failed',
      now: NOW,
      jobId: jobIdOf(request),
      code: 'failed',
      message: 'the work failed',
    })
    expect(jobs(effects)).toMatchObject([{ state: 'settled', outcome: 'refunded', fee: 0n }])
    expect(provider.books.account(provider.channel)?.charged).toBe(0n)
    expect(provider.books.refundable(provider.channel)).toBe(free + request.job.maxFee)
  })
})

describe('a quorum job (R11)', () => {
  function served(provider: PaidProvider) {
    const request = provider.paid(provider.slice(provider.paid(undefined)), { mode: MODE.quorum })
    provider.ask(request)
    const ran = provider.finish(request)
    provider.handle({ type: 'checkpoint-due', now: NOW + 1_500 })
    const seed = { epoch: 1, blockNumber: 90, blockHash: H('test/block'), createdAt: NOW + 1_500 }
    const [published] = typed(provider.handle({ type: 'checkpoint-seed', seed }), 'publish-checkpoint')
    const checkpoint = digestOf(DOMAIN, CHECKPOINT, published!.signed.checkpoint)
    return { request, ran, checkpoint, jobId: jobIdOf(request) }
  }

  it.each([
    ['accepted', 1n, 1n, 'paid'],
    ['rejected', 1n, 0n, 'refunded'],
    ['left undecided', 0n, 0n, 'refunded'],
  ] as const)('that is %s ends as it should, stored before it is told', (_, decided, accepted, outcome) => {
    const provider = opened()
    const { checkpoint, ran } = served(provider)
    expect(jobs(ran)).toMatchObject([{ state: 'served' }])
    const { fee } = replyOf(repliesTo(ran), 'receipt').signed.receipt
    expect(provider.books.claimable(provider.channel)).toBe(0n)
    const certificate = { checkpoint, votes: [] }
    const effects = provider.handle({ type: 'certified', now: NOW + 2_000, certificate, decided, accepted })
    expect(effects[0]?.type).toBe('persist')
    expect(jobs(effects)).toMatchObject([{ state: 'settled', outcome }])
    expect(provider.books.account(provider.channel)?.charged).toBe(outcome === 'paid' ? fee : 0n)
    expect(provider.books.claimable(provider.channel)).toBe(outcome === 'paid' ? fee : 0n)
  })

  it('whose certificate never comes is paid back', () => {
    const provider = opened()
    const { checkpoint } = served(provider)
    const effects = provider.handle({ type: 'certificate-abandoned', now: NOW + 20_000, checkpoint })
    expect(jobs(effects)).toMatchObject([{ outcome: 'refunded' }])
    expect(provider.books.account(provider.channel)?.charged).toBe(0n)
  })

  it('that is asked for again gets its certificate again', () => {
    const provider = opened()
    const { checkpoint, request } = served(provider)
    const certificate = { checkpoint, votes: [] }
    provider.handle({ type: 'certified', now: NOW, certificate, decided: 1n, accepted: 1n })
    const replies = repliesTo(provider.ask(request, 6), 6)
    expect(replyOf(replies, 'certificate').certificate).toEqual(certificate)
    expect(replyOf(replies, 'end').outcome).toBe('complete')
  })
})

describe('a restart (R27)', () => {
  it('closes a job at its last stored head, replays it, and both books charge that head', () => {
    const before = opened()
    const { ran, request, jobId } = streaming(before)
    const stored = { account: before.books.account(before.channel)!, jobs: before.books.unsettled(before.channel) }
    const after = new PaidProvider({ history: { channels: [stored] } })
    const started = after.handle({ type: 'started', now: NOW + 60_000 })
    const last = heads(ran).at(-1)!
    expect(started.map(({ type }) => type)).toEqual(['persist'])
    expect(after.books.account(after.channel)?.charged).toBe(last.fee)
    const progress = entriesOf(ran, 'progress')
    const cut = {
      jobId,
      job: request.job,
      heads: progress.map(({ head }) => head),
      chunks: progress.flatMap(({ chunks }) => chunks),
    }
    const effects = after.handle({ type: 'job', now: NOW + 60_000, stream: 4, request, stored: cut })
    expect(heads(effects, 4)).toEqual(heads(ran))
    expect(refusals(effects, 4)).toEqual(['job-closed'])
    const recalled = after.handle({
      type: 'recall',
      now: NOW,
      stream: 5,
      peer: request.job.requester,
      jobId,
      stored: cut,
    })
    expect(repliesTo(recalled, 5).map(({ type }) => type)).toEqual(['head', 'refusal'])
    expect(heads(recalled, 5)).toEqual([last])
  })

  it('before anything was released costs nothing', () => {
    const before = opened()
    const request = before.paid(before.slice(before.paid(undefined)))
    before.ask(request)
    const stored = { account: before.books.account(before.channel)!, jobs: before.books.unsettled(before.channel) }
    const after = new PaidProvider({ history: { channels: [stored] } })
    expect(jobs(after.handle({ type: 'started', now: NOW }))).toMatchObject([{ outcome: 'refunded', fee: 0n }])
    expect(after.books.account(after.channel)?.charged).toBe(0n)
  })

  it('with an old database catches up with what the chain says was claimed', () => {
    const provider = opened()
    const [entry] = entriesOf(
      provider.handle({ type: 'funds', now: NOW, channel: provider.channel, funds: funded({ totalClaimed: 77n }) }),
      'channel-account',
    )
    expect(entry?.account).toMatchObject({ charged: 77n, receipted: 77n })
  })
})

describe('recall (R27)', () => {
  const recall = (provider: PaidProvider, request: JobRequest, peer = request.job.requester) => {
    const jobId = jobIdOf(request)
    return repliesTo(provider.handle({ type: 'recall', now: NOW, stream: 8, peer, jobId, stored: undefined }), 8)
  }

  it('answers with the receipt and no chunk, to the peer that sent the job alone', () => {
    const provider = opened()
    const request = provider.paid(provider.slice(provider.paid(undefined)))
    provider.ask(request)
    expect(recall(provider, request)).toMatchObject([{ type: 'refusal', code: 'not-ready' }])
    provider.finish(request)
    expect(recall(provider, request).map(({ type }) => type)).toEqual(['receipt', 'end'])
    expect(recall(provider, request, signerOf('other').address)).toMatchObject([
      { type: 'refusal', code: 'not-entitled' },
    ])
  })

  it('answered not-found, a copy of the job that comes late does not run: its sender has closed its books', () => {
    const provider = opened()
    const request = provider.paid(provider.slice(provider.paid(undefined)))
    expect(recall(provider, request, signerOf('other').address)).toMatchObject([{ code: 'not-found' }])
    expect(recall(provider, request)).toMatchObject([{ code: 'not-found' }])
    expect(refusals(provider.ask(request))).toEqual(['not-found'])
    expect(provider.books.unsettled(provider.channel)).toEqual([])
  })

  it('of a stranger does not keep the job of another from running', () => {
    const provider = opened()
    const request = provider.paid(provider.slice(provider.paid(undefined)))
    expect(recall(provider, request, signerOf('other').address)).toMatchObject([{ code: 'not-found' }])
    expect(refusals(provider.ask(request))).toEqual([])
  })
})

describe('money on its way back', () => {
  it('is neither promised to jobs nor authorized by vouchers', () => {
    const provider = opened()
    const request = provider.paid(provider.slice(provider.paid(undefined)))
    provider.handle({ type: 'refunding', channel: provider.channel, amount: DEPOSIT })
    expect(refusals(provider.ask(request))).toEqual(['voucher-over-deposit'])
    expect(provider.books.refundable(provider.channel)).toBe(0n)
    provider.handle({ type: 'refund-ended', channel: provider.channel, amount: DEPOSIT })
    expect(refusals(provider.ask(request, 2), 2)).toEqual([])
  })
})

describe('a served job that nobody pays (R26)', () => {
  it('ends unpaid, stays charged, and is due before the channel serves again', () => {
    const provider = opened()
    const { ran, slice, jobId } = streaming(provider)
    provider.handle({ type: 'voucher-due', now: LATE, jobId })
    const fee = heads(ran).at(-1)!.fee
    expect(provider.handle({ type: 'settle-due', now: LATE + SETTLE_WAIT_MS - 1 })).toEqual([])
    const effects = provider.handle({ type: 'settle-due', now: LATE + SETTLE_WAIT_MS })
    expect(jobs(effects)).toMatchObject([{ outcome: 'unpaid', fee }])
    const next = provider.paid(slice)
    const refused = provider.ask(next, 3)
    expect(refusals(refused, 3)).toEqual(['stale-voucher'])
    expect(ledgers(refused, 3)[0]?.required).toBe(fee + provider.slice(next))
    expect(refusals(provider.ask(provider.paid(fee + provider.slice(next)), 4), 4)).toEqual([])
  })
})
