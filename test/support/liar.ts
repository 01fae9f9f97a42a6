import { protocolName } from '../../src/net/index.ts'
import {
  type ActiveGrant,
  type Digest,
  H,
  keccak,
  PRIVACY,
  ProviderMachine,
  type ProviderReply,
  parametersOf,
  type SignedOffer,
  signOffer,
  type Terms,
  TIER,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { frameOf } from '../../src/roles/provider/inferServer.ts'
import { typedStream } from '../../src/roles/typedStream.ts'
import type { InferServerFrame } from '../../src/wire/index.ts'
import { type FixedPeer, startFixedPeer } from './fixedChain.ts'
import { random } from './peers.ts'
import { grantOf, offeredTerms, termsOf } from './protocolWorld.ts'
import { crypto, DOMAIN } from './votes.ts'

/** A provider whose answers a test writes: offers, grants and keys are real, what it sends is up to `script`. */
export interface Liar extends FixedPeer {
  readonly grant: ActiveGrant
  readonly offer: SignedOffer
  /** Jobs it was sent. */
  readonly jobs: () => number
}

/** What an honest provider would send now, and the way to send something else. */
export interface Exchange {
  readonly frames: readonly InferServerFrame[]
  readonly liar: Liar
  write(...frames: readonly InferServerFrame[]): Promise<void>
  /** A frame that need not be one of the protocol. */
  writeBytes(bytes: Uint8Array): Promise<void>
}

export interface LiarInit {
  readonly index: number
  readonly perRequest: bigint
  readonly output?: Uint8Array
  readonly script: (exchange: Exchange) => Promise<void>
}

/** Four chunks, so that there is a middle. */
const OUTPUT = new Uint8Array(200_000).fill(7)
const HANG_MS = 90_000

export async function startLiar({ index, perRequest, output = OUTPUT, script }: LiarInit): Promise<Liar> {
  const peer = await startFixedPeer({ role: 'provider', index })
  const now = Date.now()
  const grant = grantOf(peer.signer, 0, { notBefore: now - 1_000, notAfter: now + 3_600_000 })
  const terms: Terms = termsOf(peer.signer, {
    perRequest,
    perGMAC: 0n,
    perSecond: 0n,
    perGBSecond: 0n,
    validUntil: now + 60_000,
  })
  const offer = signOffer(DOMAIN, peer.signer, {
    terms: [terms],
    addresses: peer.host.addresses(),
    grant: grant.signed,
    grantDigest: grant.digest,
    tiers: Object.values(TIER),
    privacy: Object.values(PRIVACY),
    sequence: now,
    validUntil: now + 60_000,
  })
  let jobs = 0
  const liar: Liar = { ...peer, grant, offer, jobs: () => jobs }
  peer.host.handle(protocolName(DOMAIN.networkId, 'infer'), async (raw) => {
    const stream = typedStream(raw, 'InferClientFrame', 'InferServerFrame', peer.host.conduct)
    for (;;) {
      const asked = await stream.read({ timeoutMs: HANG_MS })
      if (asked?.kind !== 'request') return
      jobs += 1
      const frames = honestAnswer(liar, asked.value, output)
      await script({
        frames,
        liar,
        write: (...sent) => stream.writeAll(sent),
        writeBytes: (bytes) => raw.write(bytes),
      })
    }
  })
  await peer.offers.publish(offer)
  return liar
}

function honestAnswer(
  { signer, grant, offer }: Liar,
  request: Extract<Parameters<ProviderMachine['handle']>[0], { type: 'job' }>['request'],
  output: Uint8Array,
): InferServerFrame[] {
  const machine = new ProviderMachine({
    domain: DOMAIN,
    profile: 'devnet',
    parameters: parametersOf('devnet'),
    crypto,
    random,
    operator: signer,
    tiers: Object.values(TIER),
    privacy: Object.values(PRIVACY),
    slots: 1,
    maxInputBytes: 1_024,
    unpaid: true,
    payments: undefined,
    history: { nextCheckpoint: 0, previousCheckpoint: ZERO_DIGEST, loose: [], channels: [] },
  })
  machine.handle({ type: 'granted', grant })
  machine.handle({ type: 'offered', terms: offeredTerms(offer) })
  const now = Date.now()
  const effects = machine.handle({ type: 'job', now, stream: 1, request, stored: undefined })
  const run = effects.find(({ type }) => type === 'run')
  const jobId: Digest | undefined = run?.type === 'run' ? run.jobId : undefined
  if (jobId === undefined) throw new Error(`expected an admitted job, got ${JSON.stringify(effects)}`)
  const result = {
    output,
    units: 1,
    traceHash: keccak(output),
    runtimeClass: H('test/runtime'),
    startedAt: now,
    finishedAt: now,
  }
  return [...effects, ...machine.handle({ type: 'run-finished', now, jobId, result })]
    .flatMap((effect): ProviderReply[] => (effect.type === 'reply' ? [effect.reply] : []))
    .map(frameOf)
}
