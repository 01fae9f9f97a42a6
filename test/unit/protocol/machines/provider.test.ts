import { describe, expect, it } from 'vitest'
import {
  type Certificate,
  CHECKPOINT,
  type Checkpoint,
  chargeOf,
  digestOf,
  H,
  HEAD,
  type Job,
  type JobRequest,
  MODE,
  merkleRoot,
  PRIVACY,
  type ProviderEffect,
  type ProviderInit,
  RECEIPT,
  type RefusalCode,
  STATUS,
  type StoredAnswer,
  splitOutput,
  TIER,
  utf8,
  verifyMerkleProof,
  ZERO_DIGEST,
} from '../../../../src/protocol/index.ts'
import {
  countingSecp256k1,
  entriesOf,
  grantOf,
  INPUT,
  jobIdOf,
  MODEL,
  NOW,
  offeredTerms,
  offerOf,
  PARAMETERS,
  repliesTo,
  replyOf,
  runResult,
  SALT,
  TestProvider,
  termsOf,
  typed,
} from '../../../support/protocolWorld.ts'
import { crypto, DOMAIN, signerOf } from '../../../support/votes.ts'

const refusals = (effects: readonly ProviderEffect[]): RefusalCode[] =>
  repliesTo(effects).flatMap((reply) => (reply.type === 'refusal' ? [reply.code] : []))

const order = (effects: readonly ProviderEffect[]): string[] =>
  effects.map((effect) =>
    effect.type === 'reply'
      ? `reply ${effect.reply.type}`
      : effect.type === 'persist'
        ? `persist ${effect.entries.map(({ kind }) => kind)}`
        : effect.type,
  )

const SEED = { epoch: 1, blockNumber: 90, blockHash: H('test/block'), createdAt: NOW + 1_500 }

/** Closes what is loose under a checkpoint. */
function close(
  provider: TestProvider,
  createdAt = SEED.createdAt,
): { effects: ProviderEffect[]; checkpoint: Checkpoint } {
  provider.handle({ type: 'checkpoint-due', now: createdAt })
  const effects = provider.handle({ type: 'checkpoint-seed', seed: { ...SEED, createdAt } })
  const [published] = typed(effects, 'publish-checkpoint')
  if (published === undefined) throw new RangeError('no checkpoint was published')
  return { effects, checkpoint: published.signed.checkpoint }
}

const certificateOf = (checkpoint: Checkpoint): Certificate => ({
  checkpoint: digestOf(DOMAIN, CHECKPOINT, checkpoint),
  votes: [],
})

interface Refused {
  readonly code: RefusalCode
  readonly why: string
  readonly job?: (provider: TestProvider) => Partial<Job>
  readonly parts?: Partial<JobRequest>
  readonly init?: Partial<ProviderInit>
  readonly now?: number
  readonly before?: (provider: TestProvider) => void
}

const REFUSED: readonly Refused[] = [
  { code: 'shutting-down', why: 'it drains', before: (provider) => provider.handle({ type: 'drain' }) },
  { code: 'wrong-provider', why: 'another is named', job: () => ({ provider: signerOf('provider', 9).address }) },
  { code: 'unknown-grant', why: 'the grant is none of its own (R4)', job: () => ({ grant: H('test/no-grant') }) },
  {
    code: 'unknown-grant',
    why: 'the grant was replaced (R4)',
    job: (provider) => ({ grant: grantOf(provider.operator).digest }),
    before: (provider) => provider.rotate(1),
  },
  { code: 'expired-grant', why: 'the grant is past its life (R4)', now: NOW + 3_600_000 },
  { code: 'unknown-model', why: 'the model is not under the grant', job: () => ({ model: H('test/other-model') }) },
  { code: 'unknown-terms', why: 'nobody offered the terms', job: () => ({ terms: H('test/no-terms') }) },
  {
    code: 'unknown-terms',
    why: 'the terms are of another model',
    job: (provider) => {
      const other = termsOf(provider.operator, { model: H('test/other-model') })
      const [offered] = offeredTerms(offerOf(provider.operator, provider.grant, { terms: [other], sequence: 2 }))
      if (offered === undefined) throw new RangeError('no terms')
      provider.handle({ type: 'offered', terms: [offered] })
      return { terms: offered.digest }
    },
  },
  {
    code: 'expired-terms',
    why: 'the terms ended before the job was made',
    job: () => ({ createdAt: NOW + 60_001, deadline: NOW + 120_000 }),
    now: NOW + 60_001,
  },
  { code: 'payment-required', why: 'the token is another', job: () => ({ token: `0x${'11'.repeat(20)}` }) },
  {
    code: 'payment-required',
    why: 'the job names a channel, and one slice of none is spendable yet (R24)',
    job: () => ({ channel: H('test/channel') }),
  },
  { code: 'payment-required', why: 'the job is unpaid outside a devnet', init: { profile: 'production' } },
  { code: 'unsupported-tier', why: 'the tier is not served (R12)', init: { tiers: [TIER.tee] } },
  { code: 'unsupported-privacy', why: 'the privacy is not served (R12)', init: { privacy: [PRIVACY.sealed] } },
  { code: 'unsupported-mode', why: 'nobody audits yet (R11)', job: () => ({ mode: MODE.audited }) },
  {
    code: 'seal-required',
    why: 'a tee job comes in plain (R5)',
    job: () => ({ tier: TIER.tee }),
    parts: { sealed: false },
  },
  { code: 'seal-required', why: 'a plain tier comes sealed (R5)', parts: { sealed: true } },
  {
    code: 'bad-clock',
    why: 'the job is from the future',
    job: () => ({ createdAt: NOW + PARAMETERS.futureTolerance + 1 }),
  },
  { code: 'bad-clock', why: 'the job is older than reservations are kept', job: () => ({ createdAt: NOW - 60_001 }) },
  { code: 'bad-deadline', why: 'the deadline is now', job: () => ({ deadline: NOW }) },
  { code: 'bad-deadline', why: 'the deadline is too far', job: () => ({ deadline: NOW + PARAMETERS.jobDeadline + 1 }) },
  { code: 'output-too-long', why: 'the terms allow less', job: () => ({ maxOutputUnits: 257 }) },
  {
    code: 'over-ceiling',
    why: 'maxFee is below what the job may cost',
    job: (provider) => ({ maxFee: provider.job().maxFee - 1n }),
  },
  { code: 'bad-input', why: 'the input is too large', parts: { input: new Uint8Array(1_025) } },
  { code: 'bad-input', why: 'the input is not the one the job names', parts: { input: utf8('another') } },
  { code: 'bad-input', why: 'the salt is not the one of the input', parts: { inputSalt: H('test/other-salt') } },
  { code: 'bad-parameters', why: 'the parameters are not those the job names', parts: { parameters: utf8('{"a":1}') } },
  {
    code: 'busy',
    why: 'every slot is taken',
    init: { slots: 1 },
    before: (provider) => provider.ask(provider.request(), 99),
  },
  {
    code: 'bad-signature',
    why: 'another signed the job (R3)',
    parts: { signature: signerOf('requester', 1).sign(H('test/anything')) },
  },
]

function refuse({ job, parts, init, now, before }: Refused, signature?: `0x${string}`) {
  const counting = countingSecp256k1()
  const provider = new TestProvider({ init: { crypto: counting.crypto, ...init } })
  before?.(provider)
  const valid = provider.request(job?.(provider) ?? {}, parts)
  const earlier = counting.recovered()
  const request = signature === undefined ? valid : { ...valid, signature }
  const effects = provider.ask(request, 7, now ?? NOW)
  return { provider, effects, request, recovered: counting.recovered() - earlier }
}

describe('admission of a job (section 4.3, R10)', () => {
  it('takes a job that satisfies every check', () => {
    const provider = new TestProvider()
    const request = provider.request()
    const effects = provider.ask(request, 7)
    expect(order(effects)).toEqual(['run', 'persist reservation', 'reply accepted'])
    expect(replyOf(repliesTo(effects, 7), 'accepted').grant).toBe(provider.grant.digest)
    expect(provider.machine.load).toEqual({ running: 1, slots: 4 })
  })

  it.each(REFUSED)('refuses with $code when $why', (refused) => {
    const { provider, effects } = refuse(refused)
    expect(refusals(effects)).toEqual([refused.code])
    expect(repliesTo(effects, 7)).toHaveLength(1)
    expect(entriesOf(effects, 'reservation')).toEqual([])
    expect(entriesOf(effects, 'answer')).toEqual([])
    expect(typed(effects, 'run')).toEqual([])
    expect(provider.machine.load.running).toBe(refused.code === 'busy' ? 1 : 0)
  })

  it.each(
    REFUSED.filter(
      ({ code, why }) =>
        code !== 'bad-signature' && !why.includes('of the input') && !why.includes('the one the job names'),
    ),
  )('looks at no signature when it refuses with $code because $why', (refused) => {
    const forged = signerOf('requester', 1).sign(H('test/anything'))
    const { effects, recovered } = refuse(refused, forged)
    expect(refusals(effects)).toEqual([refused.code])
    expect(recovered).toBe(0)
  })

  it('looks at exactly one signature otherwise', () => {
    const counting = countingSecp256k1()
    const provider = new TestProvider({ init: { crypto: counting.crypto } })
    provider.ask(provider.request())
    expect(counting.recovered()).toBe(1)
  })

  it('takes a job at each bound', () => {
    const provider = new TestProvider()
    for (const change of [
      { createdAt: NOW + PARAMETERS.futureTolerance },
      { createdAt: NOW - 60_000 },
      { deadline: NOW + 1 },
      { deadline: NOW + PARAMETERS.jobDeadline },
    ]) {
      expect(typed(provider.ask(provider.request(change)), 'run')).toHaveLength(1)
    }
  })

  it('takes terms of an earlier offer while they are valid, and forgets them later', () => {
    const provider = new TestProvider()
    const old = provider.job().terms
    const offer = (validUntil: number, sequence: number): void => {
      const terms = [termsOf(provider.operator, { validUntil })]
      provider.handle({
        type: 'offered',
        terms: offeredTerms(offerOf(provider.operator, provider.grant, { terms, sequence, validUntil })),
      })
    }
    offer(NOW + 80_000, 2)
    expect(typed(provider.ask(provider.request({ terms: old })), 'run')).toHaveLength(1)
    offer(NOW + 60_000 + 60_000 + PARAMETERS.offerLife + 1, 3)
    expect(refusals(provider.ask(provider.request({ terms: old })))).toEqual(['unknown-terms'])
  })

  it('answers a job that was reserved before a restart with job-closed and runs nothing (R27)', () => {
    const provider = new TestProvider()
    const request = provider.request()
    const stored = { jobId: jobIdOf(request), job: request.job, heads: [], chunks: [] }
    const effects = provider.handle({ type: 'job', now: NOW, stream: 1, request, stored })
    expect(refusals(effects)).toEqual(['job-closed'])
    expect(effects).toHaveLength(1)
  })
})

describe('a sealed job (R5)', () => {
  const sealed = (provider: TestProvider, privacy: number = PRIVACY.open): JobRequest =>
    provider.request({ tier: TIER.tee, privacy }, { input: utf8('ciphertext') })

  it('is opened before it runs', () => {
    const provider = new TestProvider()
    const request = sealed(provider)
    expect(order(provider.ask(request))).toEqual(['open-input', 'persist reservation', 'reply accepted'])
    const opened = provider.handle({ type: 'input-opened', now: NOW, jobId: jobIdOf(request), input: INPUT })
    expect(opened).toMatchObject([{ type: 'run', input: INPUT }])
  })

  it('is refused when what was sealed is not what the job names, and frees its slot', () => {
    const provider = new TestProvider()
    const request = sealed(provider)
    provider.ask(request, 7)
    const effects = provider.handle({ type: 'input-opened', now: NOW, jobId: jobIdOf(request), input: utf8('other') })
    expect(order(effects)).toEqual(['persist release', 'reply refusal'])
    expect(refusals(effects)).toEqual(['bad-input'])
    expect(provider.machine.load.running).toBe(0)
  })

  it('is not run when its last stream closed while it was opened', () => {
    const provider = new TestProvider()
    const request = sealed(provider)
    provider.ask(request, 7)
    provider.handle({ type: 'stream-closed', now: NOW, stream: 7 })
    const effects = provider.handle({ type: 'input-opened', now: NOW, jobId: jobIdOf(request), input: INPUT })
    expect(typed(effects, 'run')).toEqual([])
    expect(entriesOf(effects, 'release')).toHaveLength(1)
    expect(provider.machine.load.running).toBe(0)
  })

  it('leaves no transcript in the record when its privacy is sealed, and still streams (R12)', () => {
    const provider = new TestProvider()
    const request = sealed(provider, PRIVACY.sealed)
    provider.ask(request, 7)
    provider.handle({ type: 'input-opened', now: NOW, jobId: jobIdOf(request), input: INPUT })
    const effects = provider.finish(request)
    const [{ answer } = { answer: undefined }] = entriesOf(effects, 'answer')
    expect(answer?.record.transcript).toBeUndefined()
    expect(answer?.chunks).toEqual([])
    expect(repliesTo(effects, 7).map(({ type }) => type)).toEqual(['chunk', 'head', 'receipt', 'end'])
  })
})

describe('an answer', () => {
  it('is stored before any of it is released (section 4.3, R27)', () => {
    const provider = new TestProvider()
    const request = provider.request()
    provider.ask(request, 7)
    expect(order(provider.finish(request))).toEqual([
      'persist answer',
      'reply chunk',
      'reply head',
      'reply receipt',
      'reply end',
      'schedule-checkpoint',
    ])
  })

  it('carries what the job and the grant say, signed by the session key (R4)', () => {
    const provider = new TestProvider()
    const request = provider.request()
    const replies = provider.answer(request)
    const { receipt, signature } = replyOf(replies, 'receipt').signed
    expect(receipt).toMatchObject({
      jobId: jobIdOf(request),
      grant: provider.grant.digest,
      provider: provider.operator.address,
      requester: request.job.requester,
      sequence: 0,
      evidence: provider.grant.signed.grant.evidence,
      assurance: provider.grant.assurance,
      status: STATUS.complete,
      inputUnits: 0,
      outputUnits: 3,
      chargedAfter: 0n,
    })
    expect(crypto.recover(digestOf(DOMAIN, RECEIPT, receipt), signature)).toBe(provider.grant.session.address)
    const { signed } = replyOf(replies, 'head')
    expect(crypto.recover(digestOf(DOMAIN, HEAD, signed.head), signed.signature)).toBe(provider.grant.session.address)
  })

  it.each([
    [0, [1]],
    [1, [1]],
    [63_936, [1]],
    [63_937, [1, 2]],
    [16 * 63_936 + 5, [1, 17]],
    [33 * 63_936 + 5, [1, 17, 33, 34]],
  ])(
    'of %i bytes has heads on the first chunk, every 16 and the last, each with its price (section 3)',
    (bytes, heads) => {
      const provider = new TestProvider()
      const output = Uint8Array.from({ length: bytes }, (_, at) => at % 251)
      const replies = provider.answer(provider.request(), { output })
      const chunks = replies.flatMap((reply) => (reply.type === 'chunk' ? [reply.chunk] : []))
      const pieces = splitOutput(output, 3)
      expect(chunks.map(({ data }) => data)).toEqual(pieces.map(({ data }) => data))
      expect(chunks.map(({ index }) => index)).toEqual(pieces.map((_, at) => at + 1))
      expect(new Set(chunks.map(({ salt }) => salt)).size).toBe(pieces.length)
      const signed = replies.flatMap((reply) => (reply.type === 'head' ? [reply.signed.head] : []))
      expect(signed.map(({ index }) => index)).toEqual(heads)
      const { receipt } = replyOf(replies, 'receipt').signed
      expect(receipt.chunks).toBe(pieces.length)
      expect(receipt.headsRoot).toBe(
        merkleRoot(
          'head',
          signed.map((head) => digestOf(DOMAIN, HEAD, head)),
        ),
      )
      for (const { index, fee, outputUnits } of signed) {
        expect(outputUnits).toBe(pieces[index - 1]?.units)
        expect(fee).toBe(chargeOf(provider.offer.terms[0]!, { ...receipt, outputUnits }).fee)
      }
      expect(signed.at(-1)).toMatchObject({ fee: receipt.fee, outputUnits: receipt.outputUnits })
    },
  )

  it('releases each head right after the last chunk it covers (section 4.4)', () => {
    const provider = new TestProvider()
    const replies = provider.answer(provider.request(), { output: new Uint8Array(18 * 63_936) })
    const at = replies.flatMap((reply) =>
      reply.type === 'chunk' ? [`c${reply.chunk.index}`] : reply.type === 'head' ? [`h${reply.signed.head.index}`] : [],
    )
    expect(at.slice(0, 3)).toEqual(['c1', 'h1', 'c2'])
    expect(at.slice(-5)).toEqual(['c16', 'c17', 'h17', 'c18', 'h18'])
  })
})

describe('a job that fails (R26)', () => {
  it.each([
    [
      'the work failed',
      (provider: TestProvider, request: JobRequest) =>
        provider.handle({ type: 'job-failed', jobId: jobIdOf(request), code: 'failed', message: 'x', now: NOW }),
      'failed',
    ],
    [
      'it ran past its deadline',
      (provider: TestProvider, request: JobRequest) =>
        provider.finish(request, { finishedAt: request.job.deadline + 1 }),
      'deadline-exceeded',
    ],
    [
      'it gave more than was ordered',
      (provider: TestProvider, request: JobRequest) =>
        provider.finish(request, { units: request.job.maxOutputUnits + 1 }),
      'output-too-long',
    ],
  ] as const)('costs nothing and frees its slot when %s', (_, act, code) => {
    const provider = new TestProvider({ init: { slots: 1 } })
    const request = provider.request()
    provider.ask(request, 7)
    const effects = act(provider, request)
    expect(order(effects)).toEqual(['persist release', 'reply refusal'])
    expect(refusals(effects)).toEqual([code])
    expect(provider.machine.load.running).toBe(0)
    const next = provider.answer(provider.request())
    expect(replyOf(next, 'receipt').signed.receipt.sequence).toBe(0)
    expect(provider.finish(request)).toEqual([])
  })

  it('may be sent again under the same id', () => {
    const provider = new TestProvider()
    const request = provider.request()
    provider.ask(request)
    provider.handle({ type: 'job-failed', jobId: jobIdOf(request), code: 'failed', message: 'x', now: NOW })
    expect(order(provider.ask(request))).toContain('run')
  })
})

describe('a repeated job (section 4.3)', () => {
  it('attaches to the running stream, and both get the answer', () => {
    const provider = new TestProvider()
    const request = provider.request()
    provider.ask(request, 1)
    expect(order(provider.ask(request, 2))).toEqual(['reply accepted'])
    const effects = provider.finish(request)
    expect(repliesTo(effects, 2)).toEqual(repliesTo(effects, 1))
    expect(entriesOf(effects, 'answer')).toHaveLength(1)
    expect(provider.machine.load.running).toBe(0)
  })

  it.each(['while it is recent', 'from the store'])('gets the stored receipt %s and takes no slot', (how) => {
    const first = new TestProvider()
    const request = first.request()
    const replies = first.answer(request)
    const [entry] = entriesOf(first.effects, 'answer')
    const provider = how === 'from the store' ? new TestProvider({ init: { slots: 0 } }) : first
    const cut = { jobId: jobIdOf(request), job: request.job, heads: [], chunks: [] }
    const stored = how === 'from the store' ? entry?.answer : cut
    const effects = provider.handle({ type: 'job', now: NOW + 1e9, stream: 5, request, stored })
    expect(repliesTo(effects, 5)).toEqual(replies.filter(({ type }) => type !== 'accepted'))
    expect(effects).toHaveLength(repliesTo(effects, 5).length)
  })

  it('is not handed the transcript by one who only knows the job and its signature (R10)', () => {
    const provider = new TestProvider()
    const request = provider.request({ privacy: PRIVACY.committee })
    provider.answer(request)
    for (const strange of [
      { ...request, inputSalt: H('test/guess') },
      { ...request, input: utf8('a guess') },
    ]) {
      const replies = repliesTo(provider.ask(strange, 9), 9)
      expect(replies.map(({ type }) => type)).not.toContain('chunk')
      expect(replyOf(replies, 'receipt').signed.receipt.jobId).toBe(jobIdOf(request))
    }
  })

  it('of a sealed tier is not answered in plain, whatever it brings (R5)', () => {
    const provider = new TestProvider()
    const request = provider.request({ tier: TIER.tee }, { input: utf8('ciphertext') })
    provider.ask(request, 1)
    const plain = { ...request, sealed: false, input: INPUT }
    expect(refusals(provider.ask(plain, 8))).toEqual(['duplicate-job'])
    provider.handle({ type: 'input-opened', now: NOW, jobId: jobIdOf(request), input: INPUT })
    expect(repliesTo(provider.finish(request), 8)).toEqual([])
    expect(repliesTo(provider.ask(plain, 9), 9).map(({ type }) => type)).not.toContain('chunk')
  })

  it.each([
    ['salt', { inputSalt: H('test/guess') }],
    ['input', { input: utf8('a guess') }],
  ])('does not attach to a running one with another %s', (_, parts) => {
    const provider = new TestProvider()
    const request = provider.request()
    provider.ask(request, 1)
    expect(refusals(provider.ask({ ...request, ...parts }, 9))).toEqual(['duplicate-job'])
    expect(repliesTo(provider.finish(request), 9)).toEqual([])
  })

  it('in quorum mode waits for the certificate like the first one (R11)', () => {
    const provider = new TestProvider()
    const request = provider.request({ mode: MODE.quorum })
    provider.answer(request)
    expect(repliesTo(provider.ask(request, 2), 2).at(-1)?.type).toBe('receipt')
    const { checkpoint } = close(provider)
    const effects = provider.handle({
      type: 'certified',
      now: NOW,
      certificate: certificateOf(checkpoint),
      decided: 1n,
      accepted: 1n,
    })
    expect(repliesTo(effects, 2)).toEqual(repliesTo(effects, 1))
    expect(repliesTo(effects, 2)).toMatchObject([{ type: 'certificate' }, { type: 'end', outcome: 'complete' }])
  })

  it('in quorum mode is told uncertified when no certificate comes any more (R11)', () => {
    const provider = new TestProvider()
    const request = provider.request({ mode: MODE.quorum })
    provider.answer(request)
    const { checkpoint } = close(provider)
    provider.handle({ type: 'certificate-abandoned', now: NOW, checkpoint: digestOf(DOMAIN, CHECKPOINT, checkpoint) })
    expect(repliesTo(provider.ask(request, 3), 3).at(-1)).toMatchObject({ type: 'end', outcome: 'uncertified' })
  })
})

describe('receipts', () => {
  it('are numbered without gaps per grant over a rotation with jobs in flight', () => {
    const provider = new TestProvider()
    const old = provider.grant
    const before = [provider.request(), provider.request(), provider.request()]
    for (const request of before) provider.ask(request)
    provider.finish(before[0]!)
    const fresh = provider.rotate(1)
    const after = provider.request()
    provider.ask(after)
    provider.finish(after)
    provider.finish(before[2]!)
    provider.finish(before[1]!)
    const receipts = entriesOf(provider.effects, 'answer').map(({ answer }) => answer.record.receipt)
    expect(receipts.map(({ grant, sequence }) => [grant, sequence])).toEqual([
      [old.digest, 0],
      [fresh.digest, 0],
      [old.digest, 1],
      [old.digest, 2],
    ])
    const late = entriesOf(provider.effects, 'answer')[2]!.answer.record
    const signer = crypto.recover(digestOf(DOMAIN, RECEIPT, late.receipt), late.receiptSignature)
    expect(signer).toBe(old.session.address)
  })

  it('go on where they were when the same grant is announced again', () => {
    const provider = new TestProvider()
    provider.answer(provider.request())
    provider.handle({ type: 'granted', grant: provider.grant })
    expect(replyOf(provider.answer(provider.request()), 'receipt').signed.receipt.sequence).toBe(1)
  })
})

describe('closing a checkpoint (R8)', () => {
  it('waits the idle delay for receipts nobody waits for', () => {
    const provider = new TestProvider()
    provider.answer(provider.request())
    provider.answer(provider.request())
    expect(typed(provider.effects, 'schedule-checkpoint')).toEqual([
      { type: 'schedule-checkpoint', at: NOW + 10 + PARAMETERS.checkpointIdleDelay },
    ])
  })

  it.each([MODE.local, MODE.buffered])('comes earlier for a quorum job after a job of mode %i', (mode) => {
    const provider = new TestProvider()
    provider.answer(provider.request({ mode }))
    provider.answer(provider.request({ mode: MODE.quorum }))
    expect(typed(provider.effects, 'schedule-checkpoint').map(({ at }) => at)).toEqual([
      NOW + 10 + PARAMETERS.checkpointIdleDelay,
      NOW + 10 + PARAMETERS.checkpointQuorumDelay,
    ])
  })

  it('comes at once when it is full, and holds no more than its limit', () => {
    const parameters = { ...PARAMETERS, checkpointReceipts: 3 }
    const provider = new TestProvider({ init: { parameters } })
    for (let index = 0; index < 5; index += 1) provider.answer(provider.request())
    expect(typed(provider.effects, 'schedule-checkpoint').at(-1)?.at).toBe(NOW + 10)
    expect(close(provider).checkpoint).toMatchObject({ firstSequence: 0, count: 3 })
    expect(close(provider).checkpoint).toMatchObject({ firstSequence: 3, count: 2 })
  })

  it('chains to the one before, with the roots and fees of its receipts', () => {
    const provider = new TestProvider()
    const fees: bigint[] = []
    const take = (units: number): void => {
      const { receipt } = replyOf(provider.answer(provider.request(), { units }), 'receipt').signed
      fees.push(receipt.fee)
    }
    take(1)
    take(4)
    const first = close(provider)
    take(2)
    const second = close(provider)
    expect(first.checkpoint).toMatchObject({ sequence: 0, previous: ZERO_DIGEST, firstSequence: 0, count: 2 })
    expect(first.checkpoint.totalFee).toBe(fees[0]! + fees[1]!)
    expect(second.checkpoint).toMatchObject({
      sequence: 1,
      previous: digestOf(DOMAIN, CHECKPOINT, first.checkpoint),
      firstSequence: 2,
      count: 1,
      totalFee: fees[2],
      ...SEED,
    })
    const [published] = typed(first.effects, 'publish-checkpoint')
    const digests = published!.records.map(({ receipt }) => digestOf(DOMAIN, RECEIPT, receipt))
    expect(first.checkpoint.receiptsRoot).toBe(merkleRoot('receipt', digests))
    expect(crypto.recover(published!.digest, published!.signed.signature)).toBe(provider.operator.address)
  })

  it('is stored before it is published (R27)', () => {
    const provider = new TestProvider()
    provider.answer(provider.request())
    expect(order(close(provider).effects)).toEqual(['persist checkpoint', 'publish-checkpoint'])
  })

  it('puts receipts of one grant under one checkpoint, in order, also when those of two interleave', () => {
    const provider = new TestProvider()
    const old = [provider.request(), provider.request()]
    for (const request of old) provider.ask(request)
    provider.finish(old[0]!)
    const before = provider.grant.digest
    const after = provider.rotate(1).digest
    provider.answer(provider.request())
    provider.finish(old[1]!)
    provider.answer(provider.request())
    const seen = new Map<string, number>()
    let receipts = 0
    for (let last = provider.effects.length; receipts < 4; last = provider.effects.length) {
      const { checkpoint } = close(provider)
      expect(provider.effects.length).toBeGreaterThan(last)
      expect(checkpoint.firstSequence).toBe(seen.get(checkpoint.grant) ?? 0)
      seen.set(checkpoint.grant, checkpoint.firstSequence + checkpoint.count)
      receipts += checkpoint.count
    }
    expect([...seen]).toEqual([
      [before, 2],
      [after, 2],
    ])
  })

  it('is tried again when no block of the right age is known, with nothing lost (R14)', () => {
    const provider = new TestProvider()
    provider.answer(provider.request())
    provider.handle({ type: 'checkpoint-due', now: NOW + 1_000 })
    provider.answer(provider.request())
    const effects = provider.handle({ type: 'seed-unavailable', now: NOW + 1_001 })
    const [again] = typed([...provider.effects], 'schedule-checkpoint').slice(-1)
    expect(again?.at).toBeLessThanOrEqual(NOW + 1_001 + PARAMETERS.checkpointIdleDelay)
    expect(entriesOf(effects, 'checkpoint')).toEqual([])
    expect(close(provider).checkpoint).toMatchObject({ sequence: 0, firstSequence: 0, count: 2 })
  })

  it('asks again for a seed that never came, and takes only the first answer', () => {
    const provider = new TestProvider()
    provider.answer(provider.request())
    const first = provider.handle({ type: 'checkpoint-due', now: NOW + 1_000 })
    const [retry] = typed(first, 'schedule-checkpoint')
    expect(retry?.at).toBe(NOW + 1_000 + PARAMETERS.checkpointIdleDelay)
    const second = provider.handle({ type: 'checkpoint-due', now: retry!.at })
    expect(typed(second, 'choose-seed')).toHaveLength(1)
    expect(typed(provider.handle({ type: 'checkpoint-seed', seed: SEED }), 'publish-checkpoint')).toHaveLength(1)
    expect(provider.handle({ type: 'checkpoint-seed', seed: SEED })).toEqual([])
    expect(provider.handle({ type: 'seed-unavailable', now: NOW + 3_000 })).toEqual([])
  })

  it('does not spin when another is full while the seed of the first is awaited', () => {
    const parameters = { ...PARAMETERS, checkpointReceipts: 1 }
    const provider = new TestProvider({ init: { parameters } })
    provider.answer(provider.request())
    const now = NOW + 20
    provider.handle({ type: 'checkpoint-due', now })
    for (let index = 0; index < 2; index += 1) provider.answer(provider.request())
    const effects = provider.handle({ type: 'checkpoint-due', now })
    for (const { at } of typed(effects, 'schedule-checkpoint')) expect(at).toBeGreaterThan(now)
    const closed = provider.handle({ type: 'checkpoint-seed', seed: { ...SEED, createdAt: now } })
    expect(typed(closed, 'schedule-checkpoint')).toEqual([{ type: 'schedule-checkpoint', at: now }])
  })

  it('of an empty set does nothing', () => {
    const provider = new TestProvider()
    expect(provider.handle({ type: 'checkpoint-due', now: NOW })).toEqual([])
    expect(provider.handle({ type: 'checkpoint-seed', seed: SEED })).toEqual([])
    expect(provider.handle({ type: 'seed-unavailable', now: NOW })).toEqual([])
  })

  it('goes on after a restart from the last sequence with the receipts that were loose (R27)', () => {
    const before = new TestProvider()
    before.answer(before.request())
    const { checkpoint } = close(before)
    before.answer(before.request())
    before.answer(before.request())
    const loose: StoredAnswer[] = entriesOf(before.effects, 'answer')
      .map(({ answer }) => answer)
      .slice(1)
    const previousCheckpoint = digestOf(DOMAIN, CHECKPOINT, checkpoint)
    const after = new TestProvider({
      init: { history: { nextCheckpoint: 1, previousCheckpoint, loose, channels: [] } },
    })
    after.rotate(1)
    after.answer(after.request())
    expect(close(after).checkpoint).toMatchObject({
      grant: checkpoint.grant,
      sequence: 1,
      previous: previousCheckpoint,
      firstSequence: 1,
      count: 2,
    })
    expect(close(after).checkpoint).toMatchObject({
      grant: after.grant.digest,
      sequence: 2,
      firstSequence: 0,
      count: 1,
    })
  })
})

describe('a certificate (R11, R14)', () => {
  it('is stored, then reaches those who wait, each with the proof of its receipt', () => {
    const provider = new TestProvider()
    provider.answer(provider.request(), {}, 1)
    provider.answer(provider.request({ mode: MODE.quorum }), {}, 2)
    provider.answer(provider.request({ mode: MODE.quorum }), {}, 3)
    const { checkpoint } = close(provider)
    const effects = provider.handle({
      type: 'certified',
      now: NOW,
      certificate: certificateOf(checkpoint),
      decided: 0b011n,
      accepted: 0b011n,
    })
    expect(order(effects)).toEqual([
      'persist certificate',
      'reply certificate',
      'reply end',
      'reply certificate',
      'reply end',
    ])
    expect(repliesTo(effects, 1)).toEqual([])
    const digests = entriesOf(provider.effects, 'answer').map(({ answer }) =>
      digestOf(DOMAIN, RECEIPT, answer.record.receipt),
    )
    for (const [stream, index, outcome] of [
      [2, 1, 'complete'],
      [3, 2, 'uncertified'],
    ] as const) {
      const replies = repliesTo(effects, stream)
      const { receiptProof, signed } = replyOf(replies, 'certificate')
      expect(verifyMerkleProof('receipt', signed.checkpoint.receiptsRoot, index, digests[index]!, receiptProof)).toBe(
        true,
      )
      expect(replyOf(replies, 'end').outcome).toBe(outcome)
    }
    expect(
      provider.handle({
        type: 'certified',
        now: NOW,
        certificate: certificateOf(checkpoint),
        decided: 1n,
        accepted: 1n,
      }),
    ).toEqual([])
  })

  it('that does not come in time ends the wait as uncertified', () => {
    const provider = new TestProvider()
    provider.answer(provider.request({ mode: MODE.quorum }), {}, 2)
    provider.answer(provider.request(), {}, 3)
    const { checkpoint } = close(provider)
    const digest = digestOf(DOMAIN, CHECKPOINT, checkpoint)
    const effects = provider.handle({ type: 'certificate-abandoned', now: NOW, checkpoint: digest })
    expect(repliesTo(effects)).toMatchObject([{ type: 'end', outcome: 'uncertified' }])
    expect(
      provider.handle({
        type: 'certified',
        now: NOW,
        certificate: certificateOf(checkpoint),
        decided: 1n,
        accepted: 1n,
      }),
    ).toEqual([])
  })
})

describe('a stream that closes', () => {
  it('cancels the work only when it was the last one, and frees the slot when that is over', () => {
    const provider = new TestProvider()
    const request = provider.request()
    provider.ask(request, 1)
    provider.ask(request, 2)
    expect(typed(provider.handle({ type: 'stream-closed', now: NOW, stream: 1 }), 'cancel')).toEqual([])
    const last = provider.handle({ type: 'stream-closed', now: NOW, stream: 2 })
    expect(typed(last, 'cancel')).toEqual([{ type: 'cancel', jobId: jobIdOf(request) }])
    expect(typed(provider.handle({ type: 'stream-closed', now: NOW, stream: 2 }), 'cancel')).toEqual([])
    provider.handle({ type: 'job-failed', jobId: jobIdOf(request), code: 'cancelled', message: 'x', now: NOW })
    expect(provider.machine.load.running).toBe(0)
  })

  it('gets a terminal frame, in case it only asked to cancel and is still open (R10)', () => {
    const provider = new TestProvider()
    const request = provider.request()
    provider.ask(request, 1)
    expect(repliesTo(provider.handle({ type: 'stream-closed', now: NOW, stream: 1 }), 1)).toMatchObject([
      { type: 'refusal', jobId: jobIdOf(request), code: 'cancelled' },
    ])
  })
})

describe('a provider that drains', () => {
  it('is drained at once when nothing runs', () => {
    expect(new TestProvider().handle({ type: 'drain' })).toEqual([{ type: 'drained' }])
  })

  it.each(['finishes', 'fails'])('is drained when its last job %s', (how) => {
    const provider = new TestProvider()
    const [one, two] = [provider.request(), provider.request()]
    provider.ask(one)
    provider.ask(two)
    expect(provider.handle({ type: 'drain' })).toEqual([])
    expect(typed(provider.finish(one), 'drained')).toEqual([])
    expect(repliesTo(provider.ask(two, 5), 5)).toMatchObject([{ type: 'accepted' }])
    const last =
      how === 'finishes'
        ? provider.finish(two)
        : provider.handle({ type: 'job-failed', jobId: jobIdOf(two), code: 'failed', message: 'x', now: NOW })
    expect(order(last).at(-1)).toBe('drained')
  })
})

describe('what a provider does not do', () => {
  it('events of jobs it does not know have no effect', () => {
    const provider = new TestProvider()
    const jobId = H('test/nothing')
    expect(provider.handle({ type: 'run-finished', now: NOW, jobId, result: runResult() })).toEqual([])
    expect(provider.handle({ type: 'input-opened', now: NOW, jobId, input: INPUT })).toEqual([])
    expect(provider.handle({ type: 'job-failed', jobId, code: 'failed', message: 'x', now: NOW })).toEqual([])
    expect(provider.handle({ type: 'certificate-abandoned', now: NOW, checkpoint: jobId })).toEqual([])
  })

  it('knows one model by its terms and another by its grant alone, and refuses both', () => {
    const provider = new TestProvider()
    provider.handle({ type: 'granted', grant: { ...grantOf(provider.operator, 4), models: [] } })
    const request = provider.request({ grant: grantOf(provider.operator, 4).digest, model: MODEL })
    expect(refusals(provider.ask(request))).toEqual(['unknown-model'])
    expect(request.inputSalt).toBe(SALT)
  })
})
