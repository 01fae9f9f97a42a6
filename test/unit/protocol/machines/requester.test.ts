import { describe, expect, it } from 'vitest'
import {
  ANSWER_FAULTS,
  ASSURANCE,
  CHECKPOINT,
  type Checkpoint,
  digestOf,
  H,
  HEAD,
  inputHashOf,
  JOB,
  MODE,
  NOT_CHECKED,
  type Outcome,
  PRIVACY,
  type ProviderReply,
  parametersHashOf,
  type RankedOffer,
  RECEIPT,
  type RequesterEffect,
  type RequesterEvent,
  RequesterMachine,
  type RequestOrder,
  type RequestSuccess,
  type SignedCheckpoint,
  type SignedJob,
  TIER,
  type Verdict,
  ZERO_DIGEST,
} from '../../../../src/protocol/index.ts'
import {
  INPUT,
  JOB_PARAMETERS,
  MODEL,
  NOW,
  REQUESTER,
  rankedOf,
  SALT,
  seededRandom,
  TestProvider,
  typed,
} from '../../../support/protocolWorld.ts'
import { crypto, DOMAIN } from '../../../support/votes.ts'

const CHUNK = 63_936
const EVIDENCE_NOT_CHECKED = NOT_CHECKED.measurements

interface Setup {
  readonly providers?: number
  readonly order?: Partial<RequestOrder>
}

/** A requester with providers that answer as the real machine does, cheapest first. */
class World {
  readonly providers: readonly TestProvider[]
  readonly offers: readonly RankedOffer[]
  readonly machine: RequesterMachine
  readonly effects: RequesterEffect[] = []
  now = NOW

  constructor({ providers = 1, order = {} }: Setup = {}) {
    this.providers = Array.from(
      { length: providers },
      (_, index) => new TestProvider({ index, terms: { perRequest: 1_000n * BigInt(index + 1) } }),
    )
    const whole: RequestOrder = {
      model: MODEL,
      inputHash: inputHashOf(SALT, INPUT),
      parametersHash: parametersHashOf(JOB_PARAMETERS),
      tier: TIER.replay,
      privacy: PRIVACY.open,
      mode: MODE.local,
      maxFee: undefined,
      maxOutputUnits: 4,
      deadline: NOW + 60_000,
      ...order,
    }
    this.offers = rankedOf(
      this.providers.map(({ offer }) => offer),
      whole,
    )
    this.machine = new RequesterMachine({
      domain: DOMAIN,
      crypto,
      random: seededRandom('requester'),
      requester: REQUESTER,
      order: whole,
      offers: this.offers,
    })
  }

  feed(event: RequesterEvent): RequesterEffect[] {
    const effects = this.machine.handle(event)
    this.effects.push(...effects)
    return effects
  }

  accept(): RequesterEffect[] {
    return this.feed({
      type: 'evidence-accepted',
      now: this.now,
      assurance: ASSURANCE.simulated,
      notChecked: EVIDENCE_NOT_CHECKED,
    })
  }

  sent(): SignedJob {
    const last = typed(this.effects, 'send-job').at(-1)
    if (last === undefined) throw new RangeError('no job was sent')
    return last.signed
  }

  /** Starts, accepts the evidence, and has the provider `index` answer what was sent. */
  begin(index = 0, bytes = 10): ProviderReply[] {
    if (this.effects.length === 0) this.feed({ type: 'start' })
    this.accept()
    return this.work(index, bytes)
  }

  /** What the provider makes of the job that was sent last. */
  work(index = 0, bytes = 10): ProviderReply[] {
    const provider = this.providers[index] as TestProvider
    const { job } = this.sent()
    const sealed = job.tier === TIER.tee
    const request = { ...this.sent(), inputSalt: SALT, input: INPUT, sealed, parameters: JOB_PARAMETERS }
    provider.ask(request, 1, this.now)
    if (sealed)
      provider.handle({ type: 'input-opened', now: this.now, jobId: digestOf(DOMAIN, JOB, job), input: INPUT })
    const effects = provider.finish(request, { output: new Uint8Array(bytes) }, this.now)
    this.now += 20
    return effects.flatMap((effect) => (effect.type === 'reply' ? [effect.reply] : []))
  }

  reply(reply: ProviderReply): RequesterEffect[] {
    const { now } = this
    switch (reply.type) {
      case 'chunk':
        return this.feed({ type: 'chunk', now, chunk: reply.chunk })
      case 'head':
        return this.feed({ type: 'head', now, signed: reply.signed })
      case 'receipt':
        return this.feed({ ...reply, now })
      case 'end':
        return this.feed({ type: 'end', now, outcome: reply.outcome })
      case 'refusal':
        return this.feed({ type: 'refused', now, code: reply.code, message: reply.message })
      default:
        return this.feed({ type: 'accepted' })
    }
  }

  replyAll(replies: readonly ProviderReply[]): RequesterEffect[] {
    return replies.flatMap((reply) => this.reply(reply))
  }

  checkpoint(): SignedCheckpoint {
    const provider = this.providers[0] as TestProvider
    const checkpoint: Checkpoint = {
      operator: provider.operator.address,
      grant: provider.grant.digest,
      sequence: 0,
      previous: ZERO_DIGEST,
      firstSequence: 0,
      count: 1,
      receiptsRoot: H('test/root'),
      totalFee: 1n,
      epoch: 1,
      blockNumber: 90,
      blockHash: H('test/block'),
      createdAt: this.now,
    }
    return { checkpoint, signature: provider.operator.sign(digestOf(DOMAIN, CHECKPOINT, checkpoint)) }
  }

  certify(verdict: Partial<Verdict> = {}): RequesterEffect[] {
    const whole: Verdict = { status: 'accepted', votes: 5, committee: 7, replayed: 0, ...verdict }
    return this.feed({ type: 'certified', now: this.now, checkpoint: this.checkpoint(), verdict: whole })
  }

  get failure() {
    return typed(this.effects, 'fail')[0]?.failure
  }

  get success(): RequestSuccess | undefined {
    return typed(this.effects, 'succeed')[0]?.result
  }

  get delivered(): number[] {
    return typed(this.effects, 'deliver').flatMap(({ chunks }) => chunks.map(({ index }) => index))
  }
}

const types = (effects: readonly RequesterEffect[]): string[] => effects.map(({ type }) => type)

describe('a request (section 4.2)', () => {
  it('checks the evidence of the best offer first, and nothing leaves before it holds (R5)', () => {
    const world = new World({ providers: 2 })
    expect(world.feed({ type: 'start' })).toEqual([{ type: 'check-evidence', offer: world.offers[0] }])
    expect(types(world.accept())).toEqual(['persist-job', 'send-job'])
  })

  it('goes on with the next offer when evidence is refused, tells who refused it, and sends the first nothing (R5)', () => {
    const world = new World({ providers: 2 })
    world.feed({ type: 'start' })
    const effects = world.feed({ type: 'evidence-refused', code: 'root-unknown', message: 'no root matches' })
    expect(effects).toEqual([
      {
        type: 'report',
        provider: world.providers[0]!.operator.address,
        code: 'root-unknown',
        message: 'no root matches',
      },
      { type: 'check-evidence', offer: world.offers[1] },
    ])
    world.accept()
    expect(typed(world.effects, 'send-job').map(({ offer }) => offer)).toEqual([world.offers[1]])
  })

  it('fails with evidence-refused when no offer is left, and sent nothing', () => {
    const world = new World()
    world.feed({ type: 'start' })
    world.feed({ type: 'evidence-refused', code: 'root-unknown', message: 'no root matches' })
    expect(world.failure).toMatchObject({ code: 'evidence-refused', cause: 'root-unknown', deliveredChunks: 0 })
    expect(typed(world.effects, 'send-job')).toEqual([])
  })

  it('fails with unreachable when nobody could be asked for evidence', () => {
    const world = new World()
    world.feed({ type: 'start' })
    world.feed({ type: 'evidence-refused', code: 'unreachable', message: 'no address answers' })
    expect(world.failure).toMatchObject({ code: 'unreachable', message: 'no address answers', deliveredChunks: 0 })
    expect(typed(world.effects, 'send-job')).toEqual([])
  })

  it('without an offer fails with no-offer', () => {
    const world = new World({ providers: 0 })
    world.feed({ type: 'start' })
    expect(world.failure).toMatchObject({ code: 'no-offer', deliveredChunks: 0, paid: 0n })
  })

  it('signs a job that names the offer, the order and the ceiling (R3)', () => {
    const world = new World()
    world.begin()
    const { job, signature } = world.sent()
    const [offer] = world.offers
    expect(job).toMatchObject({
      provider: world.providers[0]!.operator.address,
      grant: world.providers[0]!.grant.digest,
      terms: offer!.termsDigest,
      maxFee: offer!.ceiling,
      createdAt: NOW,
      deadline: NOW + 60_000,
      channel: ZERO_DIGEST,
    })
    expect(crypto.recover(digestOf(DOMAIN, JOB, job), signature)).toBe(REQUESTER.address)
  })

  it('has another job id at each provider', () => {
    const world = new World({ providers: 2 })
    world.feed({ type: 'start' })
    world.accept()
    world.feed({ type: 'refused', now: NOW, code: 'busy', message: 'busy' })
    world.accept()
    expect(new Set(typed(world.effects, 'persist-job').map(({ jobId }) => jobId)).size).toBe(2)
  })

  it('takes a second verdict on evidence for nothing', () => {
    const world = new World({ providers: 2 })
    world.begin()
    expect(world.accept()).toEqual([])
    expect(world.feed({ type: 'evidence-refused', code: 'late', message: 'late' })).toEqual([])
  })

  it('ignores what comes before a job was sent', () => {
    const world = new World()
    const replies = new World().begin()
    world.feed({ type: 'start' })
    expect(world.replyAll(replies)).toEqual([])
    expect(world.certify()).toEqual([])
    expect(world.feed({ type: 'stream-failed', now: NOW, code: 'x', message: 'x', sent: true })).toEqual([])
  })
})

describe('answer modes (R11)', () => {
  it('local hands on each chunk once a verified head covers it, never before (section 4.4)', () => {
    const world = new World()
    const replies = world.begin(0, 18 * CHUNK)
    for (const reply of replies) {
      const before = world.delivered.length
      const effects = world.reply(reply)
      if (reply.type === 'chunk') expect(effects).toEqual([])
      if (reply.type === 'head') expect(world.delivered).toHaveLength(reply.signed.head.index)
      else expect(world.delivered).toHaveLength(before)
    }
    expect(world.delivered).toEqual(Array.from({ length: 18 }, (_, at) => at + 1))
    expect(types(world.effects).slice(-2)).toEqual(['close-stream', 'succeed'])
  })

  it('buffered hands on nothing before the receipt holds, then all of it', () => {
    const world = new World({ order: { mode: MODE.buffered } })
    const replies = world.begin(0, 18 * CHUNK)
    for (const reply of replies.filter(({ type }) => type === 'chunk' || type === 'head')) {
      expect(world.reply(reply)).toEqual([])
    }
    expect(types(world.replyAll(replies.filter(({ type }) => type === 'receipt')))).toEqual([
      'deliver',
      'close-stream',
      'succeed',
    ])
    expect(world.delivered).toHaveLength(18)
  })

  it('buffered hands on nothing of an answer whose receipt is forged', () => {
    const world = new World({ order: { mode: MODE.buffered } })
    for (const reply of world.begin(0, 18 * CHUNK)) {
      if (reply.type !== 'receipt') world.reply(reply)
      else world.reply({ ...reply, signed: { ...reply.signed, receipt: { ...reply.signed.receipt, chunks: 17 } } })
    }
    expect(world.failure).toMatchObject({ code: 'answer-invalid', cause: 'receipt-heads', deliveredChunks: 0 })
    expect(world.delivered).toEqual([])
  })

  it('quorum hands on nothing before the certificate accepts, then all of it', () => {
    const world = new World({ order: { mode: MODE.quorum } })
    expect(world.replyAll(world.begin(0, 18 * CHUNK))).toEqual([])
    expect(types(world.certify())).toEqual(['deliver', 'close-stream', 'succeed'])
    expect(world.delivered).toHaveLength(18)
  })

  it('quorum takes no certificate before the receipt', () => {
    const world = new World({ order: { mode: MODE.quorum } })
    const replies = world.begin()
    expect(world.certify()).toEqual([])
    world.replyAll(replies)
    expect(world.success).toBeUndefined()
  })

  it.each([MODE.local, MODE.buffered])('mode %i takes no certificate for an answer', (mode) => {
    const world = new World({ order: { mode } })
    world.begin()
    expect(world.certify()).toEqual([])
  })

  it('audited is not served yet and fails before anything is sent: there is no silent fall-back', () => {
    const world = new World({ order: { mode: MODE.audited } })
    world.feed({ type: 'start' })
    expect(world.failure).toMatchObject({ code: 'no-offer', got: 'audited' })
    expect(types(world.effects)).toEqual(['fail'])
    expect(world.feed({ type: 'evidence-accepted', now: NOW, assurance: 1, notChecked: 0 })).toEqual([])
  })
})

describe('what a result says was not checked (R11, R6)', () => {
  const notCheckedOf = (order: Partial<RequestOrder>, verdict?: Partial<Verdict>): number => {
    const world = new World({ order })
    world.replyAll(world.begin())
    if (verdict !== undefined) world.certify(verdict)
    if (world.success === undefined) throw new RangeError('expected an answer')
    return world.success.notChecked
  }
  const always = EVIDENCE_NOT_CHECKED | NOT_CHECKED.payment

  it.each([MODE.local, MODE.buffered])('is the output in mode %i: nobody recomputed it', (mode) => {
    expect(notCheckedOf({ mode })).toBe(always | NOT_CHECKED.output)
  })

  it('is the output in quorum mode unless an accepting seat replayed this receipt (R14)', () => {
    expect(notCheckedOf({ mode: MODE.quorum }, {})).toBe(always | NOT_CHECKED.output)
    expect(notCheckedOf({ mode: MODE.quorum }, { replayed: 0 })).toBe(always | NOT_CHECKED.output)
    expect(notCheckedOf({ mode: MODE.quorum }, { replayed: 1 })).toBe(always)
  })

  it('is the transcript when privacy kept it sealed: replay was not possible (R12)', () => {
    const sealed = { tier: TIER.tee, privacy: PRIVACY.sealed }
    expect(notCheckedOf(sealed)).toBe(always | NOT_CHECKED.output | NOT_CHECKED.transcript)
    expect(notCheckedOf({ ...sealed, mode: MODE.quorum }, { replayed: 1 }) & NOT_CHECKED.transcript).not.toBe(0)
  })

  it('carries the assurance this peer found, the verdict and when each condition held', () => {
    const world = new World({ order: { mode: MODE.quorum } })
    world.replyAll(world.begin())
    world.now += 100
    world.certify({ votes: 6 })
    expect(world.success).toMatchObject({
      assurance: ASSURANCE.simulated,
      verdict: { status: 'accepted', votes: 6, committee: 7 },
      timings: { firstChunkMs: 20, receiptMs: 20, quorumMs: 120, verifiedMs: 120 },
    })
  })

  it('a local result is verified when its receipt is, and names no quorum', () => {
    const world = new World()
    world.replyAll(world.begin())
    expect(world.success?.timings).toEqual({ firstChunkMs: 20, receiptMs: 20, verifiedMs: 20 })
    expect(world.success?.verdict).toBeUndefined()
    expect(world.success?.receipt.receipt.jobId).toBe(world.success?.jobId)
  })
})

describe('an answer that does not hold', () => {
  it.each([
    [
      'chunk-out-of-order',
      (reply: ProviderReply) => (reply.type === 'chunk' ? { ...reply, chunk: { ...reply.chunk, index: 2 } } : reply),
    ],
    [
      'head-signature',
      (reply: ProviderReply) =>
        reply.type === 'head'
          ? {
              ...reply,
              signed: { ...reply.signed, signature: REQUESTER.sign(digestOf(DOMAIN, HEAD, reply.signed.head)) },
            }
          : reply,
    ],
    [
      'head-mismatch',
      (reply: ProviderReply) =>
        reply.type === 'chunk' ? { ...reply, chunk: { ...reply.chunk, data: Uint8Array.of(1) } } : reply,
    ],
    [
      'receipt-signature',
      (reply: ProviderReply) =>
        reply.type === 'receipt'
          ? {
              ...reply,
              signed: { ...reply.signed, signature: REQUESTER.sign(digestOf(DOMAIN, RECEIPT, reply.signed.receipt)) },
            }
          : reply,
    ],
    [
      'receipt-mismatch',
      (reply: ProviderReply) => (reply.type === 'receipt' ? { ...reply, traceHash: H('test/other-trace') } : reply),
    ],
    [
      'receipt-mismatch',
      (reply: ProviderReply) => (reply.type === 'receipt' ? { ...reply, runtimeClass: H('test/other-class') } : reply),
    ],
  ] as const)('is reported with %s, and the next provider is asked (section 4.6)', (code, forge) => {
    expect(ANSWER_FAULTS).toContain(code)
    const world = new World({ providers: 2, order: { mode: MODE.buffered } })
    const effects = world.replyAll(world.begin().map(forge))
    const provider = world.providers[0]!.operator.address
    expect(effects.slice(0, 3)).toMatchObject([
      { type: 'report', provider, code },
      { type: 'close-stream', provider, whole: false },
      { type: 'check-evidence', offer: world.offers[1] },
    ])
    expect(world.delivered).toEqual([])
  })
})

describe('failover (section 4.6)', () => {
  const CAUSES: readonly (readonly [string, RequesterEvent, string])[] = [
    ['refuses', { type: 'refused', now: NOW, code: 'busy', message: 'full' }, 'refused'],
    ['vanishes', { type: 'stream-failed', now: NOW, code: 'reset', message: 'gone', sent: true }, 'stream-failed'],
    ['ends without a receipt', { type: 'end', now: NOW, outcome: 'complete' }, 'stream-failed'],
  ]

  it.each(CAUSES)('is silent before the first delivery when the provider %s', (_, event) => {
    const world = new World({ providers: 2 })
    const [chunk] = world.begin()
    world.reply(chunk!)
    expect(types(world.feed(event))).toEqual(['close-stream', 'check-evidence'])
    world.replyAll(world.begin(1))
    expect(world.success?.receipt.receipt.provider).toBe(world.providers[1]!.operator.address)
    expect(world.failure).toBeUndefined()
  })

  it.each(CAUSES)('is said after it, with what was delivered, when the provider %s', (_, event, code) => {
    const world = new World({ providers: 2 })
    const replies = world.begin(0, 18 * CHUNK)
    world.replyAll(replies.slice(0, 2))
    expect(types(world.feed(event))).toEqual(['close-stream', 'fail'])
    expect(world.failure).toMatchObject({
      code,
      provider: world.providers[0]!.operator.address,
      deliveredChunks: 1,
      paid: 0n,
    })
  })

  it('in buffered and quorum mode is silent whatever came, for nothing was handed on (R11)', () => {
    for (const mode of [MODE.buffered, MODE.quorum]) {
      const world = new World({ providers: 2, order: { mode } })
      const replies = world.begin(0, 18 * CHUNK)
      world.replyAll(replies.filter(({ type }) => type === 'chunk' || type === 'head'))
      const effects = world.feed({ type: 'stream-failed', now: NOW, code: 'reset', message: 'gone', sent: true })
      expect(types(effects)).toEqual(['close-stream', 'check-evidence'])
    }
  })

  it('ends with the last cause when every provider failed', () => {
    const world = new World({ providers: 2 })
    world.begin()
    world.feed({ type: 'stream-failed', now: NOW, code: 'reset', message: 'gone', sent: true })
    world.accept()
    world.feed({ type: 'refused', now: NOW, code: 'busy', message: 'full' })
    expect(world.failure).toMatchObject({ code: 'refused', cause: 'busy', message: 'full' })
  })
})

describe('a verdict (R11, R14)', () => {
  it.each(['rejected', 'undecided'] as const)('that is %s ends the request without the answer', (status) => {
    const world = new World({ providers: 2, order: { mode: MODE.quorum } })
    world.replyAll(world.begin())
    const effects = world.certify({ status, reason: 1 })
    expect(world.failure).toMatchObject({ code: status, deliveredChunks: 0, verdict: { status, reason: 1 } })
    expect(world.delivered).toEqual([])
    expect(typed(effects, 'report').map(({ code }) => code)).toEqual(status === 'rejected' ? ['rejected'] : [])
  })

  it.each(['uncertified', 'complete', 'truncated'] as const satisfies readonly Outcome[])(
    'that never came before the stream ended as %s leaves the request undecided',
    (outcome) => {
      const world = new World({ order: { mode: MODE.quorum } })
      world.replyAll(world.begin())
      world.feed({ type: 'end', now: NOW, outcome })
      expect(world.failure).toMatchObject({ code: 'undecided', cause: outcome })
      expect(world.delivered).toEqual([])
    },
  )
})

describe('the end of a request', () => {
  it.each([
    ['timed-out', { type: 'timeout' }],
    ['cancelled', { type: 'cancel' }],
  ] as const)('is %s at any point, with what was delivered', (code, event) => {
    for (const replied of [0, 1, 2, 3]) {
      const world = new World({ providers: 2 })
      const replies = world.begin(0, 18 * CHUNK)
      world.replyAll(replies.slice(0, replied))
      expect(types(world.feed(event))).toEqual(['close-stream', 'fail'])
      expect(world.failure).toMatchObject({ code, deliveredChunks: replied >= 2 ? 1 : 0, paid: 0n })
    }
    const early = new World()
    early.feed({ type: 'start' })
    expect(types(early.feed(event))).toEqual(['fail'])
  })

  it('comes once: nothing has an effect after it', () => {
    for (const mode of [MODE.local, MODE.buffered, MODE.quorum]) {
      const world = new World({ providers: 2, order: { mode } })
      const replies = world.begin()
      world.replyAll(replies)
      if (mode === MODE.quorum) world.certify()
      expect(world.success).toBeDefined()
      const ended = world.effects.length
      world.replyAll(replies)
      world.certify({ status: 'rejected' })
      world.accept()
      for (const event of [
        { type: 'timeout' },
        { type: 'cancel' },
        { type: 'start' },
        { type: 'end', now: NOW, outcome: 'failed' },
        { type: 'refused', now: NOW, code: 'busy', message: 'x' },
        { type: 'stream-failed', now: NOW, code: 'x', message: 'x', sent: true },
        { type: 'evidence-refused', code: 'x', message: 'x' },
      ] as const satisfies readonly RequesterEvent[]) {
        expect(world.feed(event)).toEqual([])
      }
      expect(world.effects).toHaveLength(ended)
    }
  })
})
