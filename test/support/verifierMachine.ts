import {
  ASSURANCE,
  bit,
  CHECKPOINT,
  type Checkpoint,
  type CommitteeSeat,
  type Digest,
  digestOf,
  H,
  hexToBytes,
  type LightOutcome,
  METHOD,
  NOT_CHECKED,
  type OwnVote,
  type Parameters,
  parametersOf,
  REASON,
  type RecordFacts,
  type ReplayOutcome,
  type SignedCheckpoint,
  type SignedVote,
  type VerifierEffect,
  type VerifierEvent,
  VerifierMachine,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { committeeOfSize, crypto, DOMAIN, signerOf } from './votes.ts'

export const START = 1_800_000_000_000
export const OPERATOR = signerOf('provider')
export const FAST_SEED = H('test/fast-seed')
export const committee = committeeOfSize(7)
export const RATE_ALL: Parameters = parametersOf('devnet')
export const RATE_NONE: Parameters = { ...RATE_ALL, replayRate: 0 }

export const LIGHT: LightOutcome = {
  verdict: 'accepted',
  methods: METHOD.signatures | METHOD.accounting | METHOD.evidence,
  notChecked: NOT_CHECKED.output | NOT_CHECKED.payment,
  assurance: ASSURANCE.simulated,
}
export const MATCH: ReplayOutcome = {
  verdict: 'match',
  method: METHOD['exact-replay'],
  sketch: Uint8Array.of(1, 2, 3, 4),
}
export const MISMATCH: ReplayOutcome = {
  verdict: 'mismatch',
  method: METHOD['exact-replay'],
  reason: REASON['output-mismatch'],
  sketch: Uint8Array.of(4, 3, 2, 1),
}

export function signedCheckpoint(
  sequence: number,
  count: number,
  change: Partial<Checkpoint> = {},
): { signed: SignedCheckpoint; digest: Digest } {
  const checkpoint: Checkpoint = {
    operator: OPERATOR.address,
    grant: H('test/grant'),
    sequence,
    previous: ZERO_DIGEST,
    firstSequence: 0,
    count,
    receiptsRoot: H('test/receipts', sequence),
    totalFee: 10n,
    epoch: 1,
    blockNumber: 98,
    blockHash: H('test/block', 98),
    createdAt: START,
    ...change,
  }
  const digest = digestOf(DOMAIN, CHECKPOINT, checkpoint)
  return { signed: { checkpoint, signature: OPERATOR.sign(digest) }, digest }
}

export function machineOf(member: number, parameters: Parameters = RATE_NONE): VerifierMachine {
  const verifier = committee.signers[member]
  if (verifier === undefined) throw new RangeError(`no member ${member}`)
  let drawn = 0
  const random = (length: number): Uint8Array => {
    drawn += 1
    return hexToBytes(H('test/random', member, drawn)).subarray(0, length)
  }
  return new VerifierMachine({ domain: DOMAIN, parameters, crypto, random, verifier })
}

export const factsOf = (digest: Digest, count: number, change: Partial<RecordFacts> = {}): RecordFacts[] =>
  Array.from({ length: count }, (_, index) => ({
    jobId: H('test/job', digest, index),
    transcript: 'held',
    backedByReplay: true,
    ...change,
  }))

export const committeeEvent = (
  checkpoint: Digest,
  stored: readonly OwnVote[] = [],
  seats: readonly CommitteeSeat[] = committee.seats,
): VerifierEvent => ({
  type: 'committee',
  now: START,
  checkpoint,
  committee: { seats, fastSeed: FAST_SEED, exposureLimit: 1_000n },
  stored,
})

export const effectsOf = <T extends VerifierEffect['type']>(
  effects: readonly VerifierEffect[],
  type: T,
): Extract<VerifierEffect, { type: T }>[] =>
  effects.filter((effect): effect is Extract<VerifierEffect, { type: T }> => effect.type === type)

export const sentVotes = (effects: readonly VerifierEffect[]): SignedVote[] =>
  effectsOf(effects, 'send').flatMap(({ bundle }) => bundle.votes)

/** Brings a checkpoint of `count` receipts to its vote; `replay` answers what is asked to be replayed. */
export function runToVote(
  machine: VerifierMachine,
  count: number,
  light: readonly LightOutcome[] = Array<LightOutcome>(count).fill(LIGHT),
  replay: (index: number) => ReplayOutcome = () => MATCH,
  sequence = 0,
): { digest: Digest; signed: SignedCheckpoint; effects: VerifierEffect[] } {
  const { signed, digest } = signedCheckpoint(sequence, count)
  const now = START
  const effects: VerifierEffect[] = []
  const feed = (event: VerifierEvent): void => {
    const next = machine.handle(event)
    effects.push(...next)
    for (const effect of next) {
      if (effect.type === 'replay') {
        const { checkpoint, index } = effect
        feed({ type: 'replayed', now, checkpoint, index, outcome: replay(index) })
      }
      if (effect.type === 'persist') {
        feed({ type: 'persisted', now, checkpoint: effect.vote.vote.checkpoint, round: effect.vote.vote.round })
      }
    }
  }
  feed({ type: 'checkpoint', now, signed, digest })
  feed(committeeEvent(digest))
  feed({ type: 'grant', now, grant: signed.checkpoint.grant, judged: true })
  feed({ type: 'records', now, checkpoint: digest, recordsHash: H('test/records'), facts: factsOf(digest, count) })
  feed({ type: 'checked', now, checkpoint: digest, outcomes: light, lightDigest: H('test/light') })
  return { digest, signed, effects }
}

export const mapOf = (...indices: number[]): bigint => indices.reduce((map, index) => map | bit(index), 0n)
