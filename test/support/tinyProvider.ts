import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type InferenceEngine, type LocalModel, onnxEngine } from '../../src/inference/index.ts'
import { type Host, type HostOverrides, protocolName } from '../../src/net/index.ts'
import {
  canonicalBytes,
  type Domain,
  digestOf,
  encodeTensors,
  inputHashOf,
  JOB,
  type Job,
  MODE,
  PRIVACY,
  parametersHashOf,
  randomDigest,
  rankOffers,
  TIER,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import type { InferenceOrder } from '../../src/roles/requester/requester.ts'
import { decode, encode, type InferRequest, type InferServerFrame } from '../../src/wire/index.ts'
import { eventually } from '../integration/net/hosts.ts'
import { writeModel } from '../unit/inference/fixtures.ts'
import { type FixedProvider, type FixedRequester, startFixedProvider, startFixedRequester } from './fixedChain.ts'
import { random } from './peers.ts'
import { DOMAIN, signerOf } from './votes.ts'

/** A real provider of a tiny model and a requester that knows its offer, for the tests of one file. */
export interface TinyProvider {
  readonly provider: FixedProvider
  readonly asker: FixedRequester
  readonly model: LocalModel
  /** An order that is answered. */
  order(change?: Partial<InferenceOrder>): InferenceOrder
  /** A request that is answered, signed by requester `index` under `domain`, changed before it is signed. */
  request(init?: { readonly index?: number; readonly change?: Partial<Job>; readonly domain?: Domain }): InferRequest
}

const HANG_MS = 90_000
const input = encodeTensors({ x: { dtype: 'F32', shape: [1, 3], data: Float32Array.of(1, 2, 3) } })

export interface TinyProviderInit {
  /** Takes three numbers as `x`; the tiny model unless given. */
  readonly write?: () => Promise<LocalModel>
  readonly overrides?: HostOverrides
}

/** Starts before the tests of the file and stops after them. */
export function useTinyProvider({ write = writeModel, overrides = {} }: TinyProviderInit = {}): TinyProvider {
  let engine: InferenceEngine
  let directory: string
  const world = {} as { provider: FixedProvider; asker: FixedRequester; model: LocalModel }
  beforeAll(async () => {
    engine = onnxEngine()({ clock: Date.now })
    await engine.start()
    world.model = await write()
    await engine.load(world.model)
    directory = await mkdtemp(join(tmpdir(), 'opg-tiny-'))
    world.provider = await startFixedProvider({ engine, models: [world.model], storeAt: directory, overrides })
    world.asker = await startFixedRequester({ bootstrap: [world.provider.host] })
    await eventually(() => world.asker.offers.live().length === 1, 'an offer')
  })
  afterAll(async () => {
    await world.asker?.stop()
    await world.provider?.stop()
    await engine.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const order = (change: Partial<InferenceOrder> = {}): InferenceOrder => ({
    model: world.model.id,
    input,
    parameters: {},
    tier: TIER.replay,
    privacy: PRIVACY.open,
    mode: MODE.local,
    maxOutputUnits: 1,
    timeoutMs: HANG_MS,
    ...change,
  })
  const request: TinyProvider['request'] = ({ index = 0, change = {}, domain = DOMAIN } = {}) => {
    const offers = world.asker.offers.live()
    const experience = () => ({ latencyMs: 0, reputation: 1 })
    const [offer] = rankOffers(DOMAIN, offers, { ...order(), maxOutputUnits: 1 }, experience)
    if (offer === undefined) throw new Error('expected an offer')
    const signer = signerOf('requester', index)
    const parameters = canonicalBytes({})
    const job: Job = {
      requester: signer.address,
      provider: world.provider.signer.address,
      grant: offer.signed.offer.grant,
      model: world.model.id,
      inputHash: inputHashOf(ZERO_DIGEST, input),
      parametersHash: parametersHashOf(parameters),
      terms: offer.termsDigest,
      tier: TIER.replay,
      privacy: PRIVACY.open,
      mode: MODE.local,
      token: offer.terms.token,
      channel: ZERO_DIGEST,
      maxFee: offer.ceiling,
      maxOutputUnits: 1,
      nonce: randomDigest(random),
      createdAt: Date.now(),
      deadline: Date.now() + HANG_MS,
      ...change,
    }
    return {
      job,
      signature: signer.sign(digestOf(domain, JOB, job)),
      input,
      inputSalt: ZERO_DIGEST,
      parameters,
      sealed: false,
    }
  }
  return {
    get provider() {
      return world.provider
    },
    get asker() {
      return world.asker
    },
    get model() {
      return world.model
    },
    order,
    request,
  }
}

/** Every frame of one exchange on a stream of its own. */
export async function exchange(from: Host, to: Host, request: InferRequest): Promise<InferServerFrame[]> {
  const stream = await from.openStream(to.peerId, protocolName(DOMAIN.networkId, 'infer'))
  try {
    await stream.write(encode('InferClientFrame', { kind: 'request', value: request }))
    const frames: InferServerFrame[] = []
    for await (const bytes of stream.frames({ timeoutMs: HANG_MS })) {
      const frame = decode('InferServerFrame', bytes)
      if (!frame.ok) throw frame.error
      frames.push(frame.value)
      if (frame.value.kind === 'end' || frame.value.kind === 'refusal') return frames
    }
    throw new Error('expected a terminal frame')
  } finally {
    await stream.close()
  }
}
