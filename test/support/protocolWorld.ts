import {
  type ActiveGrant,
  ASSURANCE,
  ceilingOf,
  digestOf,
  H,
  hexToBytes,
  inputHashOf,
  JOB,
  type Job,
  type JobRequest,
  keccak,
  MODE,
  modelsRootOf,
  type OfferedTerms,
  PRIVACY,
  type ProviderEffect,
  type ProviderEntry,
  type ProviderEvent,
  type ProviderInit,
  ProviderMachine,
  type ProviderReply,
  parametersHashOf,
  parametersOf,
  type Random,
  type RankedOffer,
  type RunResult,
  rankOffers,
  SESSION_GRANT,
  type Secp256k1,
  type SessionGrant,
  type SignedOffer,
  type Signer,
  type StreamId,
  sealRequired,
  signOffer,
  type Terms,
  TIER,
  termsDigest,
  termsProofOf,
  utf8,
  ZERO_ADDRESS,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { crypto, DOMAIN, signerOf } from './votes.ts'

export const NOW = Date.UTC(2026, 5, 1, 12)
export const PARAMETERS = parametersOf('devnet')
export const REQUESTER = signerOf('requester')
export const MODEL = H('test/model')
export const INPUT = utf8('an input')
export const SALT = H('test/salt')
export const JOB_PARAMETERS = utf8('{}')
const MAX_INPUT_BYTES = 1_024

/** A stream of bytes that is the same in every run. */
export function seededRandom(seed: string): Random {
  let drawn = 0
  return (length) => {
    drawn += 1
    return hexToBytes(H('test/random', keccak(utf8(seed)), drawn)).subarray(0, length)
  }
}

/** secp256k1 that counts what is dear. */
export function countingSecp256k1(): { readonly crypto: Secp256k1; readonly recovered: () => number } {
  let recovered = 0
  return {
    crypto: {
      ...crypto,
      recover: (digest, signature) => {
        recovered += 1
        return crypto.recover(digest, signature)
      },
    },
    recovered: () => recovered,
  }
}

export function grantOf(operator: Signer, index = 0, change: Partial<SessionGrant> = {}): ActiveGrant {
  const session = signerOf(`session of ${operator.address}`, index)
  const grant: SessionGrant = {
    operator: operator.address,
    sessionKey: session.address,
    encryptionKey: H('test/encryption', index),
    evidence: H('test/evidence', index),
    modelsRoot: modelsRootOf([MODEL]),
    policyEpoch: 1,
    previousGrant: ZERO_DIGEST,
    notBefore: NOW - 1_000,
    notAfter: NOW + 3_600_000,
    ...change,
  }
  const digest = digestOf(DOMAIN, SESSION_GRANT, grant)
  const signed = { grant, signature: operator.sign(digest) }
  return { signed, digest, session, assurance: ASSURANCE.simulated, models: [MODEL] }
}

export const termsOf = (operator: Signer, change: Partial<Terms> = {}): Terms => ({
  operator: operator.address,
  model: MODEL,
  macIn: 10n,
  macOut: 2_208n,
  memoryMB: 16,
  referenceRate: 2_000,
  token: ZERO_ADDRESS,
  perRequest: 1_000_000n,
  perGMAC: 5_000_000_000n,
  perSecond: 7_000_000n,
  perGBSecond: 9_000_000n,
  minVerifyFee: 1n,
  maxOutputUnits: 256,
  validUntil: NOW + 60_000,
  ...change,
})

export interface OfferChange {
  readonly terms?: readonly Terms[]
  readonly addresses?: readonly string[]
  readonly tiers?: readonly number[]
  readonly privacy?: readonly number[]
  readonly sequence?: number
  readonly validUntil?: number
}

export function offerOf(operator: Signer, grant: ActiveGrant, change: OfferChange = {}): SignedOffer {
  return signOffer(DOMAIN, operator, {
    terms: change.terms ?? [termsOf(operator)],
    addresses: change.addresses ?? ['/ip4/127.0.0.1/tcp/4801'],
    grant: grant.signed,
    grantDigest: grant.digest,
    tiers: change.tiers ?? Object.values(TIER),
    privacy: change.privacy ?? Object.values(PRIVACY),
    sequence: change.sequence ?? 1,
    validUntil: change.validUntil ?? NOW + 60_000,
  })
}

export const offeredTerms = (signed: SignedOffer): OfferedTerms[] =>
  signed.terms.map((terms, index) => ({
    terms,
    digest: termsDigest(DOMAIN, terms),
    offer: signed.offer,
    offerSignature: signed.signature,
    index,
    proof: termsProofOf(DOMAIN, signed, index),
  }))

export interface TestProviderOptions {
  readonly index?: number
  readonly terms?: Partial<Terms>
  readonly init?: Partial<ProviderInit>
}

/** A provider's machine with its keys, one grant and one offer, and everything it ever asked for. */
export class TestProvider {
  readonly operator: Signer
  readonly machine: ProviderMachine
  readonly effects: ProviderEffect[] = []
  grant: ActiveGrant
  offer: SignedOffer
  #jobs = 0

  constructor({ index = 0, terms = {}, init = {} }: TestProviderOptions = {}) {
    this.operator = signerOf('provider', index)
    this.machine = new ProviderMachine({
      domain: DOMAIN,
      profile: 'devnet',
      parameters: PARAMETERS,
      crypto,
      random: seededRandom(`provider ${index}`),
      operator: this.operator,
      tiers: Object.values(TIER),
      privacy: Object.values(PRIVACY),
      slots: 4,
      maxInputBytes: MAX_INPUT_BYTES,
      unpaid: true,
      payments: undefined,
      history: { nextCheckpoint: 0, previousCheckpoint: ZERO_DIGEST, loose: [], channels: [] },
      ...init,
    })
    this.grant = grantOf(this.operator)
    this.offer = offerOf(this.operator, this.grant, { terms: [termsOf(this.operator, terms)] })
    this.handle({ type: 'granted', grant: this.grant })
    this.handle({ type: 'offered', terms: offeredTerms(this.offer) })
  }

  handle(event: ProviderEvent): ProviderEffect[] {
    const effects = this.machine.handle(event)
    this.effects.push(...effects)
    return effects
  }

  /** A new grant, and the same terms offered under it. */
  rotate(index: number): ActiveGrant {
    this.grant = grantOf(this.operator, index)
    this.offer = offerOf(this.operator, this.grant, { terms: this.offer.terms, sequence: 1 + index })
    this.handle({ type: 'granted', grant: this.grant })
    this.handle({ type: 'offered', terms: offeredTerms(this.offer) })
    return this.grant
  }

  /** A job this provider must admit, but for `change`. Each has its own nonce. */
  job(change: Partial<Job> = {}): Job {
    this.#jobs += 1
    const terms = this.offer.terms[0] as Terms
    const maxOutputUnits = change.maxOutputUnits ?? 4
    return {
      requester: REQUESTER.address,
      provider: this.operator.address,
      grant: this.grant.digest,
      model: MODEL,
      inputHash: inputHashOf(SALT, INPUT),
      parametersHash: parametersHashOf(JOB_PARAMETERS),
      terms: termsDigest(DOMAIN, terms),
      tier: TIER.replay,
      privacy: PRIVACY.open,
      mode: MODE.local,
      token: ZERO_ADDRESS,
      channel: ZERO_DIGEST,
      maxFee: ceilingOf(terms, 0, maxOutputUnits),
      maxOutputUnits,
      nonce: H('test/nonce', this.#jobs),
      createdAt: NOW,
      deadline: NOW + 60_000,
      ...change,
    }
  }

  request(change: Partial<Job> = {}, parts: Partial<JobRequest> = {}): JobRequest {
    const job = this.job(change)
    const signature = REQUESTER.sign(digestOf(DOMAIN, JOB, job))
    return {
      job,
      signature,
      inputSalt: SALT,
      input: INPUT,
      sealed: sealRequired(job),
      parameters: JOB_PARAMETERS,
      ...parts,
    }
  }

  ask(request: JobRequest, stream: StreamId = 1, now: number = NOW): ProviderEffect[] {
    return this.handle({ type: 'job', now, stream, request, stored: undefined })
  }

  finish(request: JobRequest, change: Partial<RunResult> = {}, now: number = NOW + 10): ProviderEffect[] {
    return this.handle({ type: 'run-finished', now, jobId: jobIdOf(request), result: runResult(change) })
  }

  /** Admits a job and runs it to its receipt. */
  answer(request: JobRequest, change: Partial<RunResult> = {}, stream: StreamId = 1): ProviderReply[] {
    return repliesTo([...this.ask(request, stream), ...this.finish(request, change)], stream)
  }
}

export const jobIdOf = ({ job }: { readonly job: Job }): `0x${string}` => digestOf(DOMAIN, JOB, job)

export const runResult = (change: Partial<RunResult> = {}): RunResult => ({
  output: utf8('an output'),
  units: 3,
  traceHash: H('test/trace'),
  runtimeClass: H('test/runtime'),
  startedAt: NOW + 1,
  finishedAt: NOW + 2,
  ...change,
})

export const repliesTo = (effects: readonly ProviderEffect[], stream?: StreamId): ProviderReply[] =>
  effects.flatMap((effect) =>
    effect.type === 'reply' && (stream === undefined || effect.stream === stream) ? [effect.reply] : [],
  )

export const replyOf = <T extends ProviderReply['type']>(
  replies: readonly ProviderReply[],
  type: T,
): Extract<ProviderReply, { type: T }> => {
  const found = replies.find((reply): reply is Extract<ProviderReply, { type: T }> => reply.type === type)
  if (found === undefined) throw new RangeError(`no ${type} among ${replies.map((reply) => reply.type)}`)
  return found
}

export const entriesOf = <K extends ProviderEntry['kind']>(
  effects: readonly ProviderEffect[],
  kind: K,
): Extract<ProviderEntry, { kind: K }>[] =>
  effects
    .flatMap((effect) => (effect.type === 'persist' ? effect.entries : []))
    .filter((entry): entry is Extract<ProviderEntry, { kind: K }> => entry.kind === kind)

export const typed = <E extends { readonly type: string }, T extends E['type']>(
  effects: readonly E[],
  type: T,
): Extract<E, { type: T }>[] => effects.filter((effect): effect is Extract<E, { type: T }> => effect.type === type)

/** The offers as a requester of `job` ranks them. */
export const rankedOf = (offers: readonly SignedOffer[], job: Pick<Job, 'tier' | 'privacy' | 'maxOutputUnits'>) =>
  rankOffers(
    DOMAIN,
    offers,
    { model: MODEL, tier: job.tier, privacy: job.privacy, maxOutputUnits: job.maxOutputUnits },
    () => ({ latencyMs: 0, reputation: 1 }),
  ) satisfies RankedOffer[]
