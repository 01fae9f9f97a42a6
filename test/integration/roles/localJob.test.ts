import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { slowInput, slowRounds, writeSlowModel } from '../../../devnet/models/slow.ts'
import { createSimulatedAuthority, type SimulatedAuthority, type TrustRoot } from '../../../src/attestation/index.ts'
import type { LocalModel } from '../../../src/inference/index.ts'
import { protocolName } from '../../../src/net/index.ts'
import { nodeSecp256k1 } from '../../../src/node/crypto.ts'
import { devnetPrivateKey } from '../../../src/node/devnetKeys.ts'
import {
  ASSURANCE,
  canonicalBytes,
  createSigner,
  type Digest,
  digestOf,
  encodeTensors,
  inputHashOf,
  JOB,
  type Job,
  keccak,
  MODE,
  PRIVACY,
  parametersHashOf,
  RECEIPT,
  type Result,
  rankOffers,
  SESSION_GRANT,
  TIER,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import type { InferenceOrder, RequestAnswer } from '../../../src/roles/requester/requester.ts'
import { decode, encode, type InferRequest, type InferServerFrame } from '../../../src/wire/index.ts'
import { DEVNET_SEED, startTestChain, type TestChain } from '../../support/devnetChain.ts'
import {
  devnetModel,
  forgetfulJournal,
  type ProviderPeer,
  type RequesterPeer,
  startProviderPeer,
  startRequesterPeer,
} from '../../support/peers.ts'

const HANG_MS = 90_000
/** Long enough that a second stream surely opens while the work goes on. */
const SLOW_SECONDS = 1

let chain: TestChain
let authority: SimulatedAuthority
let classifier: LocalModel
let slow: LocalModel
let rounds: number
let directory: string
let provider: ProviderPeer
let requester: RequesterPeer

const picture = encodeTensors({ image: { dtype: 'F32', shape: [1, 8, 8], data: new Float32Array(64).fill(0.5) } })

const order = (changes: Partial<InferenceOrder> = {}): InferenceOrder => ({
  model: classifier.id,
  input: picture,
  parameters: {},
  tier: TIER.replay,
  privacy: PRIVACY.open,
  mode: MODE.local,
  maxOutputUnits: 1,
  timeoutMs: HANG_MS,
  ...changes,
})

const slowOrder = (): InferenceOrder => order({ model: slow.id, input: slowInput(rounds) })

const startProvider = (index: number, perRequest: bigint, bootstrap: readonly string[] = []): Promise<ProviderPeer> =>
  startProviderPeer({
    network: chain.network,
    rpc: chain.anvil.url,
    privateKey: devnetPrivateKey(DEVNET_SEED, 'provider', index),
    trustRoots: [authority.trustRoot],
    authority,
    directory: join(directory, `provider-${index}`),
    models: [classifier, slow],
    perRequest,
    bootstrap,
  })

const startRequester = (
  index: number,
  providers: readonly ProviderPeer[],
  trustRoots: readonly TrustRoot[] = [authority.trustRoot],
): Promise<RequesterPeer> =>
  startRequesterPeer({
    network: chain.network,
    rpc: chain.anvil.url,
    privateKey: devnetPrivateKey(DEVNET_SEED, 'requester', index),
    trustRoots,
    bootstrap: providers.flatMap(({ host }) => host.addresses()),
    journal: forgetfulJournal,
  })

beforeAll(async () => {
  chain = await startTestChain()
  authority = await createSimulatedAuthority(
    { subtle: crypto.subtle, random: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    { label: 'test', now: Date.now() },
  )
  directory = await mkdtemp(join(tmpdir(), 'opg-local-job-'))
  classifier = await devnetModel('classifier')
  slow = await writeSlowModel(join(directory, 'slow'))
  provider = await startProvider(0, 1_000n)
  rounds = await slowRounds(provider.engine, slow, SLOW_SECONDS)
  requester = await startRequester(0, [provider])
})

afterAll(async () => {
  await requester?.stop()
  await provider?.stop()
  await chain?.stop()
  await rm(directory, { recursive: true, force: true })
})

function answerOf(result: Result<RequestAnswer, unknown>): RequestAnswer {
  if (!result.ok) throw new Error(`expected an answer, got ${JSON.stringify(result.error, bigintAsText)}`)
  return result.value
}

const bigintAsText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value)

async function directOutput(model: LocalModel, input: Uint8Array): Promise<Uint8Array> {
  const deadline = Date.now() + HANG_MS
  const run = await provider.engine.run({ model: model.id, input, parameters: {}, deadline, trace: false })
  if (!run.ok) throw run.error
  return run.value.output
}

const outputOf = ({ chunks }: RequestAnswer): Uint8Array => Buffer.concat(chunks.map(({ data }) => data))

/** What a requester that repeats itself sends. */
const requestOf = ({ job, input, inputSalt, parameters }: RequestAnswer): InferRequest => ({
  ...job,
  input,
  inputSalt,
  parameters,
  sealed: false,
})

/** Every frame of one exchange on a stream of its own. */
async function converse(from: RequesterPeer, to: ProviderPeer, request: InferRequest): Promise<InferServerFrame[]> {
  const stream = await from.host.openStream(to.host.peerId, protocolName(chain.network.networkId, 'infer'))
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

const receiptIn = (frames: readonly InferServerFrame[]): Digest => {
  const frame = frames.find(({ kind }) => kind === 'receipt')
  if (frame?.kind !== 'receipt') throw new Error('expected a receipt')
  return digestOf(provider.domain, RECEIPT, frame.value.receipt.receipt)
}

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + HANG_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > until) throw new Error(`nothing came within ${HANG_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('a local job', () => {
  it('is answered with chunks, heads and a receipt that the requester verified (section 4)', async () => {
    const progress: string[] = []
    const delivered: Uint8Array[] = []
    const answer = answerOf(
      await requester.requester.request(order(), {
        onProgress: ({ type }) => progress.push(type),
        onChunks: (chunks) => delivered.push(...chunks.map(({ data }) => data)),
      }),
    )
    expect(progress).toEqual(['offers', 'offer-chosen', 'evidence-checked', 'job-sent', 'chunk', 'head', 'receipt'])
    expect(outputOf(answer)).toEqual(Buffer.from(await directOutput(classifier, picture)))
    expect(Buffer.concat(delivered)).toEqual(outputOf(answer))
    expect(answer.receipt.receipt.fee).toBeGreaterThanOrEqual(1_000n)
    expect(answer.assurance).toBe(ASSURANCE.simulated)
  })

  it('carries the evidence that was checked, on the first job and on those after it (R5)', async () => {
    for (const answer of [
      answerOf(await requester.requester.request(order())),
      answerOf(await requester.requester.request(order())),
    ]) {
      expect(answer.grant.evidence?.document.length).toBeGreaterThan(0)
      expect(digestOf(provider.domain, SESSION_GRANT, answer.grant.grant)).toBe(answer.job.job.grant)
    }
  })

  it('goes under a checkpoint once the idle delay is over, and the checkpoint is stored (R8)', async () => {
    const { receipt } = answerOf(await requester.requester.request(order())).receipt
    const covering = await eventually(async () => {
      for await (const { value } of provider.store.iterate('checkpoints', { prefix: [provider.operator] })) {
        const signed = decode('SignedCheckpoint', value)
        if (!signed.ok) throw signed.error
        const { grant, firstSequence, count } = signed.value.checkpoint
        if (grant === receipt.grant && receipt.sequence < firstSequence + count) return signed.value.checkpoint
      }
      return undefined
    })
    expect(covering.operator).toBe(provider.operator)
    expect(covering.totalFee).toBeGreaterThanOrEqual(receipt.fee)
  })

  it('follows another one on the same stream', async () => {
    const open = vi.spyOn(requester.host, 'openStream')
    answerOf(await requester.requester.request(order()))
    answerOf(await requester.requester.request(order()))
    expect(open).not.toHaveBeenCalled()
    open.mockRestore()
  })

  it.each([
    ['committee', PRIVACY.committee],
    ['sealed', PRIVACY.sealed],
  ])('of the tee tier travels sealed both ways, privacy %s (R5)', async (_, privacy) => {
    const answer = answerOf(await requester.requester.request(order({ tier: TIER.tee, privacy })))
    expect(outputOf(answer)).toEqual(Buffer.from(await directOutput(classifier, picture)))
    const stored = await eventually(() => provider.store.get('records', [answer.jobId]))
    const record = decode('JobRecord', stored)
    if (!record.ok) throw record.error
    expect(record.value.transcript === undefined).toBe(privacy === PRIVACY.sealed)
  })

  it('that is repeated gets the stored receipt and costs nothing more (section 4.3)', async () => {
    const answer = answerOf(await requester.requester.request(order()))
    const frames = await converse(requester, provider, requestOf(answer))
    expect(frames.map(({ kind }) => kind)).toEqual(['chunk', 'head', 'receipt', 'end'])
    expect(receiptIn(frames)).toBe(digestOf(provider.domain, RECEIPT, answer.receipt.receipt))
  })

  it('that is repeated while it runs attaches to the running one (section 4.3)', async () => {
    const run = vi.spyOn(provider.engine, 'run')
    const request = signedRequest(slow, slowInput(rounds))
    const first = converse(requester, provider, request)
    await eventually(async () => (run.mock.calls.length === 1 ? true : undefined))
    const [one, other] = await Promise.all([first, converse(requester, provider, request)])
    expect(other.map(({ kind }) => kind)).toEqual(['accepted', 'chunk', 'head', 'receipt', 'end'])
    expect(receiptIn(other)).toBe(receiptIn(one))
    expect(run).toHaveBeenCalledTimes(1)
    run.mockRestore()
  })

  it.each([
    ['bad-input', { input: Uint8Array.of(1, 2, 3) }],
    ['bad-parameters', { parameters: { temperature: 1 } }],
    ['bad-deadline', { timeoutMs: 3_600_000 }],
  ])('that cannot be served is refused with %s, which the requester is told (R10)', async (code, changes) => {
    const result = await requester.requester.request(order(changes))
    expect(result).toMatchObject({ ok: false, error: { code: 'refused', cause: code, deliveredChunks: 0, paid: 0n } })
  })

  it('is not sent to a provider whose evidence this requester does not trust, who is not blamed for it (R5)', async () => {
    const run = vi.spyOn(provider.engine, 'run')
    const strict = await startRequester(2, [provider], [])
    try {
      const result = await strict.requester.request(order())
      expect(result).toMatchObject({ ok: false, error: { code: 'evidence-refused', cause: 'untrusted-root' } })
      expect(run).not.toHaveBeenCalled()
      expect(strict.host.conduct.score(provider.host.peerId)).toBe(0)
      expect(strict.host.connectedPeers()).toContain(provider.host.peerId)
    } finally {
      await strict.stop()
      run.mockRestore()
    }
  })

  it('that nobody offers ends without an offer', async () => {
    const result = await requester.requester.request(order({ maxFee: 1n, timeoutMs: 100 }))
    expect(result).toMatchObject({ ok: false, error: { code: 'no-offer' } })
  })

  it('that was refused does not cost the stream', async () => {
    const open = vi.spyOn(requester.host, 'openStream')
    await requester.requester.request(order({ input: Uint8Array.of(1) }))
    answerOf(await requester.requester.request(order()))
    expect(open).not.toHaveBeenCalled()
    open.mockRestore()
  })

  it('that is cancelled stops the work', async () => {
    const { killed } = provider.engine.counters()
    const abort = new AbortController()
    const cancelled = requester.requester.request(slowOrder(), {
      signal: abort.signal,
      onProgress: ({ type }) => {
        if (type === 'job-sent') setTimeout(() => abort.abort(), 50)
      },
    })
    expect(await cancelled).toMatchObject({ ok: false, error: { code: 'cancelled' } })
    await eventually(async () => (provider.engine.counters().killed > killed ? true : undefined))
    answerOf(await requester.requester.request(order()))
  })

  it('whose provider dies before the first chunk is answered by the next one (section 4.6)', async () => {
    const dearer = await startProvider(1, 2_000n)
    const other = await startRequester(1, [provider, dearer])
    try {
      await eventually(async () => (other.offers.live().length === 2 ? true : undefined))
      const chosen: string[] = []
      const answer = answerOf(
        await other.requester.request(slowOrder(), {
          onProgress: (progress) => {
            if (progress.type !== 'job-sent') return
            chosen.push(progress.provider)
            if (progress.provider === provider.operator) setTimeout(() => void provider.host.stop(), 100)
          },
        }),
      )
      expect(chosen).toEqual([provider.operator, dearer.operator])
      expect(answer.receipt.receipt.provider).toBe(dearer.operator)
    } finally {
      await other.stop()
      await dearer.stop()
    }
  })
})

/** A request signed by hand, for what the requester's own rules would not send. */
function signedRequest(model: LocalModel, input: Uint8Array): InferRequest {
  const [offer] = rankOffers(
    provider.domain,
    requester.offers.live(),
    { model: model.id, tier: TIER.replay, privacy: PRIVACY.open, maxOutputUnits: 1 },
    () => ({ latencyMs: 0, reputation: 1 }),
  )
  if (offer === undefined) throw new Error('expected an offer')
  const signer = createSigner(nodeSecp256k1(), devnetPrivateKey(DEVNET_SEED, 'requester', 0))
  const parameters = canonicalBytes({})
  const job: Job = {
    requester: signer.address,
    provider: provider.operator,
    grant: offer.signed.offer.grant,
    model: model.id,
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
    nonce: keccak(parameters),
    createdAt: Date.now(),
    deadline: Date.now() + HANG_MS,
  }
  const signature = signer.sign(digestOf(provider.domain, JOB, job))
  return { job, signature, input, inputSalt: ZERO_DIGEST, parameters, sealed: false }
}
