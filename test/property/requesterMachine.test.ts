import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ASSURANCE,
  digestOf,
  H,
  HEAD,
  inputHashOf,
  MODE,
  PRIVACY,
  type ProviderReply,
  parametersHashOf,
  RECEIPT,
  type Receipt,
  type RequesterEffect,
  type RequesterEvent,
  RequesterMachine,
  type SignedHead,
  type Signer,
  TIER,
} from '../../src/protocol/index.ts'
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
} from '../support/protocolWorld.ts'
import { crypto, DOMAIN, signerOf } from '../support/votes.ts'
import { memberOf } from './arbitraries.ts'

const CHUNK = 63_936
const RECEIVED = NOW + 100

const order = {
  model: MODEL,
  inputHash: inputHashOf(SALT, INPUT),
  parametersHash: parametersHashOf(JOB_PARAMETERS),
  tier: TIER.replay,
  privacy: PRIVACY.open,
  mode: MODE.local as number,
  maxFee: 10n ** 12n,
  maxOutputUnits: 4,
  deadline: NOW + 60_000,
}

const providers = [0, 1, 2].map((index) => new TestProvider({ index, init: { slots: 1_000_000 } }))

let requesters = 0

function requesterOf(mode: number, count = 1): RequesterMachine {
  requesters += 1
  const offers = rankedOf(
    providers.slice(0, count).map(({ offer }) => offer),
    order,
  )
  return new RequesterMachine({
    domain: DOMAIN,
    crypto,
    random: seededRandom(`requester ${requesters}`),
    requester: REQUESTER,
    order: { ...order, mode },
    offers,
  })
}

const ACCEPT: RequesterEvent = { type: 'evidence-accepted', now: NOW, assurance: ASSURANCE.simulated, notChecked: 0 }

function answersTo(effects: readonly RequesterEffect[], bytes: number): ProviderReply[] {
  const [sent] = typed(effects, 'send-job')
  const provider = providers.find(({ operator }) => operator.address === sent?.signed.job.provider)
  if (sent === undefined || provider === undefined) return []
  const request = { ...sent.signed, inputSalt: SALT, input: INPUT, sealed: false, parameters: JOB_PARAMETERS }
  provider.ask(request, 1)
  const made = provider.finish(request, { output: new Uint8Array(bytes) })
  return made.flatMap((effect) => (effect.type === 'reply' ? [effect.reply] : []))
}

const eventOf = (reply: ProviderReply, now = RECEIVED): RequesterEvent | undefined => {
  switch (reply.type) {
    case 'chunk':
      return { type: 'chunk', now, chunk: reply.chunk }
    case 'head':
      return { type: 'head', now, signed: reply.signed }
    case 'receipt':
      return { ...reply, now }
    case 'end':
      return { type: 'end', now, outcome: reply.outcome }
    default:
      return undefined
  }
}

/** One job at the first provider whose answer is tampered with; every effect of the requester. */
function tampered(forge: (reply: ProviderReply) => ProviderReply, bytes = 10): RequesterEffect[] {
  const machine = requesterOf(MODE.local)
  const started = [...machine.handle({ type: 'start' }), ...machine.handle(ACCEPT)]
  const events = answersTo(started, bytes).flatMap((reply) => eventOf(forge(reply)) ?? [])
  return [...started, ...events.flatMap((event) => machine.handle(event))]
}

type Signing = 'not signed again' | 'by the session key' | 'by another key'
const SIGNINGS: readonly Signing[] = ['not signed again', 'by the session key', 'by another key']
const session = (): Signer => providers[0]!.grant.session
const signerFor = (signing: Signing): Signer => (signing === 'by another key' ? signerOf('forger') : session())

/**
 * What no requester can tell alone: `sequence` shows in the checkpoint, times within the slack of a clock while the
 * billed time agrees, and truncation is the provider's word. `trace` binds to what came beside the receipt.
 */
const UNCHECKABLE: ReadonlySet<string> = new Set(['sequence'])
const BOUNDED: ReadonlySet<string> = new Set(['startedAt', 'finishedAt', 'status'])

describe('R11 a forged receipt', () => {
  it.each(RECEIPT.names.filter((name) => !BOUNDED.has(name)))(
    'with another %s is refused whoever signed it, unless no requester can tell alone',
    (name) => {
      fc.assert(
        fc.property(memberOf(RECEIPT, name), fc.constantFrom(...SIGNINGS), (value, signing) => {
          let honest = true
          const effects = tampered((reply) => {
            if (reply.type !== 'receipt') return reply
            const receipt = { ...reply.signed.receipt, [name]: value } as Receipt
            honest = reply.signed.receipt[name as keyof Receipt] === value
            const digest = digestOf(DOMAIN, RECEIPT, receipt)
            const signature = signing === 'not signed again' ? reply.signed.signature : signerFor(signing).sign(digest)
            return { ...reply, signed: { receipt, signature } }
          })
          const passes =
            (honest && signing !== 'by another key') || (UNCHECKABLE.has(name) && signing === 'by the session key')
          expect(typed(effects, 'succeed')).toHaveLength(passes ? 1 : 0)
          if (!passes) expect(typed(effects, 'report').map(({ code }) => code)[0]).toMatch(/^receipt-/)
        }),
        { numRuns: 12 },
      )
    },
  )

  it('with other times passes within the slack of a clock and the billed time alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: -5_000, max: 5_000 }), fc.integer({ min: -5_000, max: 5_000 }), (start, length) => {
        const startedAt = NOW + start
        const finishedAt = startedAt + length
        let billed = 0
        const effects = tampered((reply) => {
          if (reply.type !== 'receipt') return reply
          billed = reply.signed.receipt.billedMs
          const receipt = { ...reply.signed.receipt, startedAt, finishedAt }
          return { ...reply, signed: { receipt, signature: session().sign(digestOf(DOMAIN, RECEIPT, receipt)) } }
        })
        const cap = 3
        const passes =
          length >= 0 && Math.min(length, cap) === billed && start >= -2_000 && finishedAt <= RECEIVED + 2_000
        expect(typed(effects, 'succeed')).toHaveLength(passes ? 1 : 0)
      }),
      { numRuns: 40 },
    )
  })

  it('is refused when it was only signed by somebody else', () => {
    const effects = tampered((reply) =>
      reply.type === 'receipt'
        ? {
            ...reply,
            signed: {
              ...reply.signed,
              signature: providers[0]!.operator.sign(digestOf(DOMAIN, RECEIPT, reply.signed.receipt)),
            },
          }
        : reply,
    )
    expect(typed(effects, 'report').map(({ code }) => code)).toEqual(['receipt-signature'])
  })
})

describe('R11 a forged head', () => {
  it.each(HEAD.names)('with another %s never releases a chunk that the receipt then does not cover', (name) => {
    fc.assert(
      fc.property(memberOf(HEAD, name), fc.constantFrom(...SIGNINGS), fc.nat(2), (value, signing, at) => {
        let seen = 0
        let honest = true
        const effects = tampered((reply) => {
          if (reply.type !== 'head') return reply
          const isTarget = seen === at
          seen += 1
          if (!isTarget) return reply
          const head = { ...reply.signed.head, [name]: value } as SignedHead['head']
          honest = reply.signed.head[name as keyof SignedHead['head']] === value
          const digest = digestOf(DOMAIN, HEAD, head)
          const signature = signing === 'not signed again' ? reply.signed.signature : signerFor(signing).sign(digest)
          return { ...reply, signed: { head, signature } }
        }, 18 * CHUNK)
        const passes = seen > at && honest && signing !== 'by another key'
        expect(typed(effects, 'succeed')).toHaveLength(passes ? 1 : 0)
        if (signing === 'by the session key' && (name === 'fee' || name === 'outputUnits')) return
        const released = typed(effects, 'deliver').flatMap(({ chunks }) => chunks).length
        if (!passes) expect(released).toBe([0, 1, 17][at])
      }),
      { numRuns: 5 },
    )
  })
})

const NOISE: readonly RequesterEvent[] = [
  { type: 'start' },
  ACCEPT,
  { type: 'evidence-refused', code: 'root-unknown', message: 'x' },
  { type: 'accepted' },
  { type: 'refused', now: RECEIVED, code: 'busy', message: 'x' },
  { type: 'stream-failed', now: RECEIVED, code: 'reset', message: 'x', sent: true },
  { type: 'end', now: RECEIVED, outcome: 'complete' },
  { type: 'end', now: RECEIVED, outcome: 'uncertified' },
  { type: 'chunk', now: RECEIVED, chunk: { index: 1, data: Uint8Array.of(9), salt: H('test/noise') } },
  { type: 'timeout' },
  { type: 'cancel' },
]

const certified = (status: 'accepted' | 'rejected' | 'undecided'): RequesterEvent => ({
  type: 'certified',
  now: RECEIVED,
  checkpoint: { checkpoint: {} as never, signature: '0x' },
  verdict: { status, votes: 5, committee: 7, replayed: 5 },
})

describe('a requester in any order of events', () => {
  it.each([MODE.local, MODE.buffered, MODE.quorum])(
    'in mode %i ends at most once, has no effect after that, and delivers only what R11 allows',
    (mode) => {
      const ends = { succeed: 0, fail: 0 }
      const step = fc.record({ kind: fc.nat(15), pick: fc.nat(), noise: fc.nat() })
      fc.assert(
        fc.property(fc.array(step, { minLength: 30, maxLength: 60 }), (steps) => {
          const machine = requesterOf(mode, 3)
          const effects: RequesterEffect[] = []
          let replies: ProviderReply[] = []
          let receipts = 0
          let accepted = false
          let proved = false
          const feed = (event: RequesterEvent): void => {
            const wasOver = typed(effects, 'succeed').length + typed(effects, 'fail').length > 0
            const next = machine.handle(event)
            if (wasOver) expect(next).toEqual([])
            for (const effect of next) {
              if (effect.type === 'check-evidence') proved = false
              if (effect.type === 'send-job') {
                expect(proved, 'a job left before its evidence held').toBe(true)
                replies = answersTo([effect], CHUNK + 1)
                receipts = 0
              }
              if (effect.type === 'deliver') {
                expect(effect.chunks.length).toBeGreaterThan(0)
                if (mode === MODE.buffered) expect(receipts).toBeGreaterThan(0)
                if (mode === MODE.quorum) expect(accepted).toBe(true)
              }
            }
            effects.push(...next)
          }
          feed({ type: 'start' })
          for (const { kind, pick, noise } of steps) {
            if (kind < 3) {
              proved = true
              feed(ACCEPT)
            } else if (kind < 12 && replies.length > 0) {
              const [reply] = replies.splice(pick % 12 === 0 ? pick % replies.length : 0, 1)
              const event = eventOf(reply!)
              if (event?.type === 'receipt') receipts += 1
              if (event !== undefined && event.type !== 'end') feed(event)
            } else if (kind === 12) {
              accepted = noise % 3 === 0
              feed(certified((['accepted', 'rejected', 'undecided'] as const)[noise % 3]!))
            } else if (kind >= 13 && noise % 5 === 0) {
              const event = NOISE[pick % NOISE.length]!
              if (event === ACCEPT) proved = true
              if (event.type !== 'start') feed(event)
            }
          }
          const finished = [...typed(effects, 'succeed'), ...typed(effects, 'fail')]
          expect(finished.length).toBeLessThanOrEqual(1)
          const [failed] = typed(effects, 'fail')
          const delivered = typed(effects, 'deliver').flatMap(({ chunks }) => chunks)
          expect(delivered.map(({ index }) => index)).toEqual(delivered.map((_, at) => at + 1))
          if (failed !== undefined) {
            ends.fail += 1
            expect(failed.failure.deliveredChunks).toBe(delivered.length)
          }
          const [succeeded] = typed(effects, 'succeed')
          if (succeeded !== undefined) {
            ends.succeed += 1
            expect(delivered).toEqual(succeeded.result.chunks)
          }
        }),
        { numRuns: 40 },
      )
      expect(ends.fail).toBeGreaterThan(0)
      expect(ends.succeed).toBeGreaterThan(0)
    },
  )
})
