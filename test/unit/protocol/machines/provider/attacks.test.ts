import { describe, expect, it } from 'vitest'
import {
  CHECKPOINT,
  digestOf,
  H,
  type JobRequest,
  MODE,
  type ProviderEffect,
  type RefusalCode,
} from '../../../../../src/protocol/index.ts'
import { REFUSED_PAUSE_MS } from '../../../../../src/protocol/machines/payeeLedger.ts'
import { CHANNEL_DOMAIN, DEPOSIT, funded, PaidProvider, payeeOf } from '../../../../support/paidProvider.ts'
import { NOW, repliesTo, typed } from '../../../../support/protocolWorld.ts'
import { DOMAIN, signerOf } from '../../../../support/votes.ts'

/** 64 units are four pieces and four slices. */
const UNITS = 64
const OUTPUT = Uint8Array.from({ length: 6_400 }, (_, at) => at % 251)

const refusals = (effects: readonly ProviderEffect[]): RefusalCode[] =>
  repliesTo(effects).flatMap((reply) => (reply.type === 'refusal' ? [reply.code] : []))

describe('a requester that leans one job on the slices of others (R24)', () => {
  it('gets of each job no more than its voucher and one slice: what committees accept', () => {
    const provider = new PaidProvider()
    provider.show()
    const slice = provider.slice(provider.paid(undefined, { maxOutputUnits: UNITS }))
    const requests = [1n, 2n].map((count) => provider.paid(count * slice, { maxOutputUnits: UNITS, mode: MODE.quorum }))
    for (const [at, request] of requests.entries()) provider.ask(request, at + 1)
    const ran = provider.finish(requests[0]!, { output: OUTPUT, units: UNITS })
    const [head] = repliesTo(ran, 1)
      .flatMap((reply) => (reply.type === 'head' ? [reply.signed.head] : []))
      .slice(-1)
    expect(head?.fee).toBeGreaterThan(slice)
    expect(head?.fee).toBeLessThanOrEqual(3n * slice)
    expect(typed(repliesTo(ran), 'receipt')).toEqual([])
    const call = typed(repliesTo(ran, 1), 'ledger').at(-1)
    expect(call?.required).toBeGreaterThan(2n * slice)
    const paid = provider.pay(call?.required ?? 0n)
    expect(typed(repliesTo(paid, 1), 'receipt')).toHaveLength(1)
  })
})

describe('a requester whose quorum jobs no committee accepts', () => {
  const payments = { domain: CHANNEL_DOMAIN, payee: payeeOf(signerOf('provider')), float: 0n, maxJobs: 8 }

  function undecided(provider: PaidProvider, request: JobRequest, now: number): void {
    provider.ask(request)
    provider.finish(request)
    provider.handle({ type: 'checkpoint-due', now })
    const seed = { epoch: 1, blockNumber: 90, blockHash: H('test/block'), createdAt: now }
    const [published] = typed(provider.handle({ type: 'checkpoint-seed', seed }), 'publish-checkpoint')
    const checkpoint = digestOf(DOMAIN, CHECKPOINT, published!.signed.checkpoint)
    provider.handle({ type: 'certificate-abandoned', now, checkpoint })
  }

  it('is served no more of them on the channel for a while, and other jobs all the same (R11)', () => {
    const provider = new PaidProvider({ init: { payments: { ...payments, maxRefused: 2 } } })
    provider.show()
    const slice = provider.slice(provider.paid(undefined))
    const quorum = (): JobRequest => provider.paid(slice, { mode: MODE.quorum })
    undecided(provider, quorum(), NOW + 1_500)
    undecided(provider, quorum(), NOW + 1_500)
    expect(provider.books.account(provider.channel)?.charged).toBe(0n)
    expect(refusals(provider.ask(quorum()))).toEqual(['busy'])
    expect(refusals(provider.ask(provider.paid(slice)))).toEqual([])
    const later = NOW + 1_500 + REFUSED_PAUSE_MS
    const again = provider.paid(2n * slice, { mode: MODE.quorum, createdAt: later, deadline: later + 60_000 })
    expect(refusals(provider.ask(again, 1, later))).not.toContain('busy')
  })
})

describe('books that are put away while money is on its way back', () => {
  it('stay: what is withheld must not be forgotten', () => {
    const provider = new PaidProvider()
    provider.show()
    const { channel } = provider
    provider.handle({ type: 'refunding', channel, amount: DEPOSIT })
    provider.handle({ type: 'channel-unloaded', channel })
    const account = provider.books.account(channel)
    if (account !== undefined) expect(provider.books.refundable(channel)).toBe(0n)
    provider.handle({ type: 'refund-ended', channel, amount: DEPOSIT, funds: funded({ balance: 0n, safeBalance: 0n }) })
    expect(account).toBeDefined()
    expect(provider.books.refundable(channel)).toBe(0n)
  })
})
