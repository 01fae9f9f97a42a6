import { describe, expect, test } from 'vitest'
import { resultSchemas } from '../../../src/cli/index.ts'
import { jobJson, renderJobs } from '../../../src/cli/render/job.ts'
import { type QuotedJob, quoteJson, renderQuote } from '../../../src/cli/render/quote.ts'
import type { JobQuote, JobQuotes, JobView } from '../../../src/node/index.ts'
import { H } from '../../../src/protocol/index.ts'
import { MODEL, NOW, rankedOf, TestProvider } from '../../support/protocolWorld.ts'

const OPG = 10n ** 18n
const provider = new TestProvider()
const [offer] = rankedOf([provider.offer], provider.job())
if (offer === undefined) throw new RangeError('no offer')

const asked: QuotedJob = {
  ...{ model: MODEL, name: 'opg/tiny', units: 64, mode: 'local', tier: 'replay', privacy: 'open' },
}
const quoteOf = (changes: Partial<JobQuote> = {}): JobQuote => ({
  offer: { ...offer, ceiling: 2n * OPG },
  slice: OPG / 2n,
  parts: { request: OPG, compute: OPG / 2n, time: OPG / 4n, memory: OPG / 4n },
  payment: {
    ...{ channel: H('test/channel'), isKnown: true, closing: false, balance: 3n * OPG, free: OPG, charged: 2n * OPG },
    ...{ authorized: 2n * OPG, deposit: OPG, refusal: undefined },
  },
  refusal: undefined,
  ...changes,
})
const payer: JobQuotes['payer'] = {
  ...{ address: `0x${'aa'.repeat(20)}`, opg: 7n * OPG },
  left: { perJob: OPG, day: 20n * OPG, key: 90n * OPG },
}
const json = (quotes: JobQuotes) => resultSchemas.quote.parse({ ok: true, ...quoteJson(asked, quotes) })

describe('a quote', () => {
  test('says what a job costs, what that is made of, and out of what it would be paid', () => {
    const quotes = { payer, offers: [quoteOf()] }
    const text = renderQuote(asked, quotes)
    expect(text).toMatch(/wallet +0x[a-fA-F]{40} holds 7 OPG\n/)
    expect(text).toMatch(/budgets +1 OPG a job, 20 OPG left today, 90 OPG left of the key\n/)
    expect(text.split('\n').at(-1)).toMatch(
      /^0x\S+ +2 OPG +0\.5 OPG +1 OPG +0\.5 OPG +0\.25 OPG +0\.25 OPG +0x\S+ +1 OPG +1 OPG +yes$/,
    )
    expect(json(quotes)).toMatchObject({
      wallet: { opg: `${7n * OPG}`, dayLeft: `${20n * OPG}` },
      offers: [{ ceiling: `${2n * OPG}`, payment: { known: true, free: `${OPG}`, deposit: `${OPG}` } }],
    })
  })

  test('names the refusal, and says none where there is no channel or no wallet', () => {
    const refusal = { code: 'over-job-budget', message: 'a job: expected at most 1 wei', expected: '1', got: '2' }
    const dear = { payer, offers: [quoteOf({ refusal })] }
    expect(renderQuote(asked, dear)).toMatch(/over-job-budget$/)
    expect(json(dear).offers[0]?.refusal).toEqual(refusal)
    const unpaid = { payer: undefined, offers: [quoteOf({ payment: undefined })] }
    expect(renderQuote(asked, unpaid)).toMatch(/wallet +none\n[\s\S]* none +- +- +yes$/)
    expect(json(unpaid)).toMatchObject({ wallet: null, offers: [{ payment: null }] })
  })
})

describe('a list of jobs', () => {
  const view: JobView = {
    account: {
      ...{ jobId: H('test/job'), channel: H('test/channel'), state: 'settled', outcome: 'paid', slice: 1n },
      ...{ maxFee: OPG, fee: OPG / 2n, covered: OPG, quorum: false, since: NOW },
    },
    provider: provider.operator.address,
    asked: { model: MODEL, mode: 'local', units: 4 },
    receipt: '/home/receipts/one.json',
  }

  test('says how each ended, and what one that is open may still cost', () => {
    const { outcome: _, ...account } = view.account
    const open: JobView = {
      ...{ account: { ...account, state: 'pending', fee: 0n }, provider: undefined, asked: undefined },
      receipt: undefined,
    }
    const text = renderJobs([view, open]).split('\n')
    expect(text[1]).toMatch(/ 4 +0x\S+ +paid +0\.5 OPG +\S+ +yes$/)
    expect(text[2]).toMatch(/ - +- +- +pending +at most 1 OPG +\S+ +no$/)
    const { jobs } = resultSchemas['job list'].parse({ ok: true, jobs: [view, open].map(jobJson) })
    expect(jobs).toMatchObject([{ outcome: 'paid' }, { state: 'pending', outcome: null, asked: null, receipt: null }])
    expect(renderJobs([])).toBe('no paid jobs in the books of this home')
  })
})
