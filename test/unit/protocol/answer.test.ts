import { describe, expect, it } from 'vitest'
import {
  AnswerChecker,
  type AnswerFault,
  type AnswerProblem,
  ASSURANCE,
  ceilingOf,
  chargeOf,
  digestOf,
  H,
  HEAD,
  type Head,
  type Job,
  type JobRequest,
  merkleRoot,
  type ProviderReply,
  RECEIPT,
  type Receipt,
  type Result,
  type SignedHead,
  type SignedReceipt,
  type Signer,
  STATUS,
  type Terms,
  type TranscriptChunk,
} from '../../../src/protocol/index.ts'
import { jobIdOf, NOW, REQUESTER, replyOf, TestProvider } from '../../support/protocolWorld.ts'
import { crypto, DOMAIN } from '../../support/votes.ts'

const CHUNK = 63_936
const SENT = NOW
const RECEIVED = NOW + 100

interface Exchange {
  readonly provider: TestProvider
  readonly request: JobRequest
  readonly replies: readonly ProviderReply[]
  readonly chunks: readonly TranscriptChunk[]
  readonly heads: readonly SignedHead[]
  readonly receipt: SignedReceipt
}

function exchangeOf(bytes = 10, change: Partial<Job> = {}): Exchange {
  const provider = new TestProvider()
  const request = provider.request({ maxFee: 10n ** 12n, ...change })
  const replies = provider.answer(request, { output: new Uint8Array(bytes) })
  return {
    provider,
    request,
    replies,
    chunks: replies.flatMap((reply) => (reply.type === 'chunk' ? [reply.chunk] : [])),
    heads: replies.flatMap((reply) => (reply.type === 'head' ? [reply.signed] : [])),
    receipt: replyOf(replies, 'receipt').signed,
  }
}

const checkerOf = ({ provider, request }: Exchange): AnswerChecker =>
  new AnswerChecker({
    domain: DOMAIN,
    crypto,
    jobId: jobIdOf(request),
    job: request.job,
    terms: provider.offer.terms[0] as Terms,
    sessionKey: provider.grant.session.address,
    evidence: provider.grant.signed.grant.evidence,
    assurance: ASSURANCE.simulated,
  })

const codeOf = (result: Result<unknown, AnswerProblem>): AnswerFault | 'ok' => (result.ok ? 'ok' : result.error.code)

const signHead = (head: Head, signer: Signer): SignedHead => ({
  head,
  signature: signer.sign(digestOf(DOMAIN, HEAD, head)),
})
const signReceipt = (receipt: Receipt, signer: Signer): SignedReceipt => ({
  receipt,
  signature: signer.sign(digestOf(DOMAIN, RECEIPT, receipt)),
})

/** A checker that took every chunk and head of the answer. */
function followed(exchange: Exchange): AnswerChecker {
  const checker = checkerOf(exchange)
  for (const reply of exchange.replies) {
    if (reply.type === 'chunk') expect(codeOf(checker.chunk(reply.chunk))).toBe('ok')
    if (reply.type === 'head') expect(codeOf(checker.head(reply.signed))).toBe('ok')
  }
  return checker
}

/** What the checker says of a receipt with these fields, signed by the session key. */
function forged(
  change: Partial<Receipt> | ((receipt: Receipt) => Partial<Receipt>),
  exchange = exchangeOf(),
): AnswerFault | 'ok' {
  const honest = exchange.receipt.receipt
  const receipt = { ...honest, ...(typeof change === 'function' ? change(honest) : change) }
  return codeOf(followed(exchange).finish(signReceipt(receipt, exchange.provider.grant.session), SENT, RECEIVED))
}

describe('an answer that is followed', () => {
  it.each([0, 10, CHUNK, CHUNK + 1, 40 * CHUNK])('of %i bytes from an honest provider holds', (bytes) => {
    const exchange = exchangeOf(bytes)
    const checker = followed(exchange)
    expect(checker.finish(exchange.receipt, SENT, RECEIVED)).toEqual({ ok: true, value: undefined })
    expect(checker.heads).toEqual(exchange.heads)
    expect(checker.receipt).toBe(exchange.receipt)
  })

  it('releases exactly the chunks a verified head covers (section 4.4)', () => {
    const exchange = exchangeOf(18 * CHUNK)
    const checker = checkerOf(exchange)
    const released: number[][] = []
    for (const reply of exchange.replies) {
      if (reply.type === 'chunk') checker.chunk(reply.chunk)
      if (reply.type !== 'head') continue
      const result = checker.head(reply.signed)
      released.push(result.ok ? result.value.map(({ index }) => index) : [])
    }
    expect(released).toEqual([[1], Array.from({ length: 16 }, (_, at) => at + 2), [18]])
  })
})

describe('chunk-out-of-order', () => {
  it('is a chunk left out, repeated, or too large', () => {
    const exchange = exchangeOf(2 * CHUNK)
    const [first, second] = exchange.chunks as [TranscriptChunk, TranscriptChunk]
    expect(codeOf(checkerOf(exchange).chunk(second))).toBe('chunk-out-of-order')
    const checker = checkerOf(exchange)
    checker.chunk(first)
    checker.head(exchange.heads[0]!)
    expect(codeOf(checker.chunk(first))).toBe('chunk-out-of-order')
    expect(codeOf(checkerOf(exchange).chunk({ ...first, data: new Uint8Array(64_001) }))).toBe('chunk-out-of-order')
  })
})

describe('too-many-uncovered-chunks', () => {
  it('is a second chunk before the first head', () => {
    const exchange = exchangeOf(2 * CHUNK)
    const checker = checkerOf(exchange)
    expect(codeOf(checker.chunk(exchange.chunks[0]!))).toBe('ok')
    expect(codeOf(checker.chunk(exchange.chunks[1]!))).toBe('too-many-uncovered-chunks')
  })

  it('is a seventeenth chunk since the last head', () => {
    const exchange = exchangeOf(20 * CHUNK)
    const checker = checkerOf(exchange)
    checker.chunk(exchange.chunks[0]!)
    checker.head(exchange.heads[0]!)
    for (const chunk of exchange.chunks.slice(1, 17)) expect(codeOf(checker.chunk(chunk))).toBe('ok')
    expect(codeOf(checker.chunk(exchange.chunks[17]!))).toBe('too-many-uncovered-chunks')
  })
})

describe('head-mismatch', () => {
  it.each([
    ['another job', { jobId: H('test/other') }],
    ['another grant (R4)', { grant: H('test/other') }],
    ['a chunk that did not come', { index: 2 }],
    ['no chunk', { index: 0 }],
    ['other chunks', { head: H('test/other') }],
  ])('is a head over %s', (_, change) => {
    const exchange = exchangeOf()
    const checker = checkerOf(exchange)
    checker.chunk(exchange.chunks[0]!)
    const head = { ...exchange.heads[0]!.head, ...change }
    expect(codeOf(checker.head(signHead(head, exchange.provider.grant.session)))).toBe('head-mismatch')
  })

  it('is a head before the first chunk', () => {
    const exchange = exchangeOf(0)
    const head = { ...exchangeOf().heads[0]!.head, jobId: jobIdOf(exchange.request), index: 0 }
    const checker = checkerOf(exchange)
    const signed = signHead({ ...head, head: exchange.receipt.receipt.outputHead }, exchange.provider.grant.session)
    expect(codeOf(checker.head(signed))).toBe('head-mismatch')
  })
})

describe('head-regressed', () => {
  it('is a head given twice', () => {
    const exchange = exchangeOf()
    expect(codeOf(followed(exchange).head(exchange.heads[0]!))).toBe('head-regressed')
  })

  it.each([
    ['fee', { fee: 4n }],
    ['units', { outputUnits: 1 }],
  ])('is a head with less %s than the one before', (_, change) => {
    const exchange = exchangeOf(2 * CHUNK)
    const { session } = exchange.provider.grant
    const checker = checkerOf(exchange)
    checker.chunk(exchange.chunks[0]!)
    const first = { ...exchange.heads[0]!.head, fee: 5n, outputUnits: 2 }
    expect(codeOf(checker.head(signHead(first, session)))).toBe('ok')
    checker.chunk(exchange.chunks[1]!)
    const second = { ...exchange.heads[1]!.head, fee: 5n, outputUnits: 2, ...change }
    expect(codeOf(checker.head(signHead(second, session)))).toBe('head-regressed')
  })
})

describe('head-over-ceiling', () => {
  it('is a head whose fee is above the price of its units, all their time billed', () => {
    const exchange = exchangeOf()
    const { session } = exchange.provider.grant
    const ceiling = ceilingOf(exchange.provider.offer.terms[0] as Terms, 0, 3)
    for (const [fee, code] of [
      [ceiling + 1n, 'head-over-ceiling'],
      [ceiling, 'ok'],
    ] as const) {
      const checker = checkerOf(exchange)
      checker.chunk(exchange.chunks[0]!)
      expect(codeOf(checker.head(signHead({ ...exchange.heads[0]!.head, fee }, session)))).toBe(code)
    }
  })
})

describe('head-signature', () => {
  it.each(['the operator', 'the requester'])('is a head signed by %s, not the session key (R4)', (who) => {
    const exchange = exchangeOf()
    const checker = checkerOf(exchange)
    checker.chunk(exchange.chunks[0]!)
    const signer = who === 'the operator' ? exchange.provider.operator : REQUESTER
    expect(codeOf(checker.head(signHead(exchange.heads[0]!.head, signer)))).toBe('head-signature')
    expect(codeOf(checker.head(exchange.heads[0]!)), 'a forged head changes nothing').toBe('ok')
  })
})

describe('receipt-signature', () => {
  it('is a receipt not signed by the session key (R4)', () => {
    const exchange = exchangeOf()
    const signed = signReceipt(exchange.receipt.receipt, exchange.provider.operator)
    expect(codeOf(followed(exchange).finish(signed, SENT, RECEIVED))).toBe('receipt-signature')
  })
})

describe('receipt-mismatch', () => {
  const other = H('test/other')
  it.each([
    [{ jobId: other }],
    [{ grant: other }],
    [{ provider: REQUESTER.address }],
    [{ requester: new TestProvider().operator.address }],
    [{ channel: other }],
    [{ model: other }],
    [{ inputHash: other }],
    [{ parametersHash: other }],
    [{ terms: other }],
    [{ evidence: other }],
    [{ assurance: ASSURANCE['hardware-aws'] }],
  ])('is a receipt with %o', (change) => {
    expect(forged(change)).toBe('receipt-mismatch')
  })
})

describe('receipt-status', () => {
  it('is a failed answer; a truncated one is taken for what it is', () => {
    expect(forged({ status: STATUS.failed })).toBe('receipt-status')
    expect(forged({ status: STATUS.truncated })).toBe('ok')
  })
})

describe('receipt-heads', () => {
  it.each([[{ outputHead: H('test/other') }], [{ headsRoot: H('test/other') }], [{ chunks: 2 }]])(
    'is a receipt with %o',
    (change) => {
      expect(forged(change)).toBe('receipt-heads')
    },
  )

  it('is a chunk that no head covers', () => {
    const exchange = exchangeOf(2 * CHUNK)
    const checker = checkerOf(exchange)
    checker.chunk(exchange.chunks[0]!)
    checker.head(exchange.heads[0]!)
    checker.chunk(exchange.chunks[1]!)
    expect(codeOf(checker.finish(exchange.receipt, SENT, RECEIVED))).toBe('receipt-heads')
  })

  it('is a receipt over fewer heads than were shown', () => {
    const exchange = exchangeOf(2 * CHUNK)
    const { head } = exchange.heads[1]!
    expect(forged({ headsRoot: merkleRoot('head', [digestOf(DOMAIN, HEAD, head)]) }, exchange)).toBe('receipt-heads')
  })
})

describe('receipt-fee', () => {
  it.each([
    ['mac', { mac: 1n }],
    ['billed time', { billedMs: 0 }],
    ['memory', { memoryMB: 17 }],
    ['fee', (receipt: Receipt) => ({ fee: receipt.fee - 1n })],
    ['charge of an unpaid job', { chargedAfter: 1n }],
  ] as const)('is another %s than the terms give', (_, change) => {
    expect(forged(change)).toBe('receipt-fee')
  })

  it('is input units billed consistently: the ceiling of a tensor job knows none', () => {
    const exchange = exchangeOf()
    const terms = exchange.provider.offer.terms[0] as Terms
    const { session } = exchange.provider.grant
    const usage = { inputUnits: 100, outputUnits: 3, startedAt: NOW + 1, finishedAt: NOW + 2 }
    const charge = chargeOf(terms, usage)
    expect(charge.fee).toBeLessThan(exchange.request.job.maxFee)
    const head = signHead({ ...exchange.heads[0]!.head, fee: charge.fee }, session)
    const checker = checkerOf(exchange)
    checker.chunk(exchange.chunks[0]!)
    expect(codeOf(checker.head(head))).toBe('ok')
    const headsRoot = merkleRoot('head', [digestOf(DOMAIN, HEAD, head.head)])
    const receipt = { ...exchange.receipt.receipt, ...usage, ...charge, headsRoot }
    expect(codeOf(checker.finish(signReceipt(receipt, session), SENT, RECEIVED))).toBe('receipt-fee')
  })

  it.each([
    ['above what was ordered', { maxOutputUnits: 2 }],
    ['above maxFee', { maxFee: 1n }],
  ])('is a consistent charge %s', (_, change) => {
    const exchange = exchangeOf()
    const request = { ...exchange.request, job: { ...exchange.request.job, ...change } }
    const poorer = { ...exchange, request }
    const { session } = exchange.provider.grant
    const jobId = jobIdOf(request)
    const checker = checkerOf(poorer)
    const receipt = {
      ...exchange.receipt.receipt,
      jobId,
      chunks: 0,
      headsRoot: merkleRoot('head', []),
      outputHead: H('OPG/chunk/0', jobId),
    }
    expect(codeOf(checker.finish(signReceipt(receipt, session), SENT, RECEIVED))).toBe('receipt-fee')
  })

  it('is another fee than the last head showed', () => {
    const exchange = exchangeOf()
    const checker = checkerOf(exchange)
    checker.chunk(exchange.chunks[0]!)
    const head = signHead({ ...exchange.heads[0]!.head, fee: 0n }, exchange.provider.grant.session)
    checker.head(head)
    const receipt = { ...exchange.receipt.receipt, headsRoot: merkleRoot('head', [digestOf(DOMAIN, HEAD, head.head)]) }
    expect(codeOf(checker.finish(signReceipt(receipt, exchange.provider.grant.session), SENT, RECEIVED))).toBe(
      'receipt-fee',
    )
  })
})

describe('receipt-clock', () => {
  it.each([
    ['ends before it starts', { startedAt: NOW + 3, billedMs: 0 }],
    [
      'ends after the deadline',
      (receipt: Receipt) => ({ startedAt: receipt.startedAt + 60_000, finishedAt: receipt.finishedAt + 60_000 }),
    ],
    ['ends later than now', { startedAt: RECEIVED + 2_001, finishedAt: RECEIVED + 2_002 }],
    ['starts before the job was sent', { startedAt: SENT - 2_001, finishedAt: SENT - 2_000 }],
  ] as const)('is work that %s', (_, change) => {
    const exchange = exchangeOf()
    const honest = exchange.receipt.receipt
    const receipt = { ...honest, ...(typeof change === 'function' ? change(honest) : change) }
    const charge = chargeOf(exchange.provider.offer.terms[0] as Terms, receipt)
    const { session } = exchange.provider.grant
    const checker = checkerOf(exchange)
    checker.chunk(exchange.chunks[0]!)
    const head = signHead({ ...exchange.heads[0]!.head, fee: charge.fee }, session)
    checker.head(head)
    const headsRoot = merkleRoot('head', [digestOf(DOMAIN, HEAD, head.head)])
    const result = checker.finish(signReceipt({ ...receipt, ...charge, headsRoot }, session), SENT, RECEIVED)
    expect(codeOf(result)).toBe('receipt-clock')
  })

  it('is more billed time than this peer saw pass, with slack for its clock', () => {
    const provider = new TestProvider({ terms: { referenceRate: 1 } })
    const request = provider.request({ maxFee: 10n ** 18n, deadline: NOW + 60_000 })
    const took = 3_000
    const replies = provider.answer(request, { startedAt: NOW, finishedAt: NOW + took })
    for (const [received, code] of [
      [NOW + took - 2_000, 'ok'],
      [NOW + took - 2_001, 'receipt-clock'],
    ] as const) {
      const exchange = {
        provider,
        request,
        replies,
        chunks: [],
        heads: [],
        receipt: replyOf(replies, 'receipt').signed,
      }
      expect(codeOf(followed(exchange).finish(exchange.receipt, NOW, received))).toBe(code)
    }
  })
})

describe('after-receipt', () => {
  it('is a chunk, a head or a receipt after the receipt', () => {
    const exchange = exchangeOf()
    const checker = followed(exchange)
    checker.finish(exchange.receipt, SENT, RECEIVED)
    expect(codeOf(checker.chunk(exchange.chunks[0]!))).toBe('after-receipt')
    expect(codeOf(checker.head(exchange.heads[0]!))).toBe('after-receipt')
    expect(codeOf(checker.finish(exchange.receipt, SENT, RECEIVED))).toBe('after-receipt')
  })
})
