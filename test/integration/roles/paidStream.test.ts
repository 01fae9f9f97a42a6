import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type InferenceEngine, onnxEngine } from '../../../src/inference/index.ts'
import { protocolName } from '../../../src/net/index.ts'
import { type ChannelPayment, formatPayment, parseSettlement, type X402Context } from '../../../src/payment/index.ts'
import {
  type ChannelConfig,
  canonicalBytes,
  channelIdOf,
  type Digest,
  digestOf,
  encodeTensors,
  inputHashOf,
  JOB,
  type Job,
  MODE,
  PRIVACY,
  parametersHashOf,
  type RankedOffer,
  randomDigest,
  rankOffers,
  STATUS,
  sliceOf,
  TIER,
  type Voucher,
  voucherDigest,
  ZERO_DIGEST,
} from '../../../src/protocol/index.ts'
import {
  decode,
  encode,
  type InferClientFrame,
  type InferRequest,
  type InferServerFrame,
} from '../../../src/wire/index.ts'
import { type FixedProvider, startBareHost, startFixedProvider } from '../../support/fixedChain.ts'
import { CHANNEL_DOMAIN, configOf, DEPOSIT, payeeOf } from '../../support/paidProvider.ts'
import { random } from '../../support/peers.ts'
import { SimulatedChannels } from '../../support/simulatedChannels.ts'
import { DOMAIN, signerOf } from '../../support/votes.ts'
import { tinyGraph, writeModel } from '../../unit/inference/fixtures.ts'
import { eventually } from '../net/hosts.ts'

/** 64 rows are 64 units: four slices. */
const ROWS = 64
const HANG_MS = 30_000
const input = encodeTensors({ x: { dtype: 'F32', shape: [ROWS, 3], data: new Float32Array(3 * ROWS).fill(1) } })
const operator = signerOf('provider')
const requester = signerOf('requester')
const context: X402Context = {
  network: 'eip155:31337',
  domain: CHANNEL_DOMAIN,
  permit2: `0x${'51'.repeat(20)}`,
  permit2Collector: `0x${'50'.repeat(20)}`,
}
const config: ChannelConfig = configOf(operator, { payerAuthorizer: requester.address })
const channel = channelIdOf(CHANNEL_DOMAIN, config)
const sign = (amount: bigint): Voucher => ({
  channel,
  amount,
  signature: requester.sign(voucherDigest(CHANNEL_DOMAIN, { channel, amount })),
})

let engine: InferenceEngine
let directory: string
let provider: FixedProvider
let model: Digest
let offer: RankedOffer
let asker: Awaited<ReturnType<typeof startBareHost>>
const chain = new SimulatedChannels(CHANNEL_DOMAIN)
/** What this channel's vouchers say by now; the tests of the file share it. */
let authorized = 0n
/** What a model with a great appetite for bytes would answer. */
let swollen: Uint8Array | undefined

beforeAll(async () => {
  engine = onnxEngine()({ clock: Date.now })
  await engine.start()
  const written = await writeModel(tinyGraph, { maxBatch: ROWS })
  model = written.id
  await engine.load(written)
  directory = await mkdtemp(join(tmpdir(), 'opg-paid-'))
  const terms = { payee: payeeOf(operator), float: 0n, minDeposit: 10n, tokenName: 'OPG', tokenVersion: '1' }
  const payments = { channels: chain, context, terms }
  const swelling: Pick<InferenceEngine, 'run' | 'runtimeClass'> = {
    runtimeClass: engine.runtimeClass,
    run: async (task) => {
      const run = await engine.run(task)
      return run.ok ? { ok: true, value: { ...run.value, output: swollen ?? run.value.output } } : run
    },
  }
  provider = await startFixedProvider({
    engine: swelling as InferenceEngine,
    models: [written],
    storeAt: directory,
    perRequest: 0n,
    payments,
  })
  asker = await startBareHost({ role: 'requester', bootstrap: [provider.host] })
  await eventually(() => asker.connectedPeers().includes(provider.host.peerId), 'a connection')
  const ask = { model, tier: TIER.replay, privacy: PRIVACY.open, maxOutputUnits: ROWS }
  await eventually(() => provider.offers.live().length === 1, 'an offer')
  const [ranked] = rankOffers(DOMAIN, provider.offers.live(), ask, () => ({ latencyMs: 0, reputation: 1 }))
  if (ranked === undefined) throw new Error('expected an offer')
  offer = ranked
})

afterAll(async () => {
  await asker?.stop()
  await provider?.stop()
  await engine?.stop()
  await rm(directory, { recursive: true, force: true })
})

/** One stream, with frames sent and read by hand. */
async function openStream() {
  const stream = await asker.openStream(provider.host.peerId, protocolName(DOMAIN.networkId, 'infer'))
  return {
    send: (frame: InferClientFrame) => stream.write(encode('InferClientFrame', frame)),
    close: () => stream.close(),
    read: async (): Promise<InferServerFrame> => {
      const bytes = await stream.read({ timeoutMs: HANG_MS })
      if (bytes === undefined) throw new Error('the stream ended')
      const frame = decode('InferServerFrame', bytes)
      if (!frame.ok) throw frame.error
      return frame.value
    },
  }
}
type Talk = Awaited<ReturnType<typeof openStream>>

async function until(talk: Talk, kinds: readonly InferServerFrame['kind'][]): Promise<InferServerFrame[]> {
  const frames: InferServerFrame[] = []
  for (;;) {
    const frame = await talk.read()
    frames.push(frame)
    if (kinds.includes(frame.kind)) return frames
  }
}

async function pay(talk: Talk, payment: ChannelPayment): Promise<InferServerFrame[]> {
  const accepted = {
    ...{ scheme: 'batch-settlement', network: context.network, asset: config.token, amount: '1' },
    ...{ payTo: config.receiver, maxTimeoutSeconds: 60 },
    extra: { receiverAuthorizer: config.receiverAuthorizer, withdrawDelay: 900, name: 'OPG', version: '1' },
  }
  const payload = formatPayment(payment, { accepted, context })
  await talk.send({ kind: 'payment', value: { payload } })
  return await until(talk, ['ledger', 'refusal'])
}

function requestOf(): { request: InferRequest; slice: bigint; jobId: Digest } {
  const parameters = canonicalBytes({})
  const job: Job = {
    requester: requester.address,
    provider: operator.address,
    grant: offer.signed.offer.grant,
    model,
    inputHash: inputHashOf(ZERO_DIGEST, input),
    parametersHash: parametersHashOf(parameters),
    terms: offer.termsDigest,
    tier: TIER.replay,
    privacy: PRIVACY.open,
    mode: MODE.local,
    token: offer.terms.token,
    channel,
    maxFee: offer.ceiling,
    maxOutputUnits: ROWS,
    nonce: randomDigest(random),
    createdAt: Date.now(),
    deadline: Date.now() + HANG_MS,
  }
  const jobId = digestOf(DOMAIN, JOB, job)
  const slice = sliceOf(offer.terms, job)
  authorized += slice
  const signature = requester.sign(jobId)
  const voucher = sign(authorized)
  return {
    request: { job, signature, input, inputSalt: ZERO_DIGEST, parameters, sealed: false, voucher },
    slice,
    jobId,
  }
}

const ofKind = <K extends InferServerFrame['kind']>(frames: readonly InferServerFrame[], kind: K) =>
  frames.filter((frame): frame is Extract<InferServerFrame, { kind: K }> => frame.kind === kind)

describe('a paid stream over libp2p (R23, R24)', () => {
  it('begins with a deposit, and a job of four slices is paid slice by slice to its receipt', async () => {
    const talk = await openStream()
    const authorization = {
      method: 'eip3009',
      validAfter: 0n,
      validBefore: BigInt(Math.floor(Date.now() / 1_000) + 600),
      salt: randomDigest(random),
      signature: `0x${'11'.repeat(65)}`,
    } as const
    const settled = await pay(talk, { kind: 'deposit', config, voucher: sign(0n), amount: DEPOSIT, authorization })
    expect(settled.map(({ kind }) => kind)).toEqual(['settlement', 'ledger'])
    const settlement = parseSettlement(ofKind(settled, 'settlement')[0]!.value.settlement, context)
    expect(settlement).toMatchObject({
      ok: true,
      value: { success: true, amount: DEPOSIT, standing: { balance: DEPOSIT } },
    })

    const { request, slice } = requestOf()
    await talk.send({ kind: 'request', value: request })
    const frames: InferServerFrame[] = []
    let calls = 0
    for (let last: InferServerFrame | undefined; last?.kind !== 'end'; ) {
      last = await talk.read()
      frames.push(last)
      if (last.kind !== 'ledger' || last.value.required <= last.value.authorized) continue
      calls += 1
      const fee = ofKind(frames, 'head').at(-1)!.value.head.fee
      expect(fee - last.value.authorized).toBeLessThanOrEqual(slice)
      authorized = last.value.required
      await talk.send({ kind: 'voucher', value: sign(authorized) })
    }
    expect(calls).toBeGreaterThanOrEqual(2)
    expect(ofKind(frames, 'head').map(({ value }) => value.head.outputUnits)).toEqual([16, 32, 48, 64])
    const { receipt } = ofKind(frames, 'receipt')[0]!.value.receipt
    expect(receipt).toMatchObject({ status: STATUS.complete, outputUnits: ROWS, chargedAfter: receipt.fee })
    expect(provider.provider.claims.candidates()).toMatchObject([{ row: { totalClaimed: authorized } }])
    await talk.send({ kind: 'voucher', value: sign(receipt.chargedAfter) })
    authorized = receipt.chargedAfter
    expect((await until(talk, ['ledger'])).at(-1)).toMatchObject({ value: { charged: authorized, authorized } })
    await talk.close()
  })

  it('stops within one slice, ends truncated when it is cancelled, and is recalled by its sender', async () => {
    const talk = await openStream()
    const { request, slice, jobId } = requestOf()
    await talk.send({ kind: 'request', value: request })
    const released = await until(talk, ['ledger'])
    const head = ofKind(released, 'head').at(-1)!.value.head
    expect(head.outputUnits).toBeLessThan(ROWS)
    expect(head.fee - slice).toBeLessThanOrEqual(slice)
    await talk.send({ kind: 'cancel', value: { jobId } })
    const ended = await until(talk, ['end', 'refusal'])
    expect(ended.at(-1)).toMatchObject({ kind: 'end', value: { outcome: 'truncated' } })
    const { receipt } = ofKind(ended, 'receipt')[0]!.value.receipt
    expect(receipt).toMatchObject({ status: STATUS.truncated, fee: head.fee, chunks: head.index })
    await talk.send({ kind: 'recall', value: { jobId } })
    const recalled = await until(talk, ['end', 'refusal'])
    expect(recalled.map(({ kind }) => kind)).toEqual(['receipt', 'end'])
    expect(ofKind(recalled, 'receipt')[0]!.value.receipt.receipt).toEqual(receipt)
    authorized = receipt.chargedAfter
    await talk.send({ kind: 'voucher', value: sign(authorized) })
    await until(talk, ['ledger'])
    await talk.close()
  })

  it('refuses, before it signs anything, an answer whose record could not be kept (R27)', async () => {
    const talk = await openStream()
    const { request } = requestOf()
    swollen = new Uint8Array(1_200_000)
    await talk.send({ kind: 'request', value: request })
    expect((await until(talk, ['refusal', 'receipt'])).at(-1)).toMatchObject({ value: { code: 'output-too-long' } })
    swollen = undefined
    const again = requestOf()
    authorized -= again.slice
    const voucher = sign(authorized)
    await talk.send({ kind: 'request', value: { ...again.request, voucher } })
    const frames = await until(talk, ['head', 'refusal'])
    expect(frames.at(-1)).toMatchObject({ kind: 'head' })
    await talk.send({ kind: 'cancel', value: { jobId: again.jobId } })
    const { receipt } = ofKind(await until(talk, ['end']), 'receipt')[0]!.value.receipt
    authorized = receipt.chargedAfter > authorized ? receipt.chargedAfter : authorized
    await talk.send({ kind: 'voucher', value: sign(authorized) })
    await until(talk, ['ledger'])
    await talk.close()
  })

  it('pays back what is neither charged nor reserved, and no more', async () => {
    const talk = await openStream()
    const free = DEPOSIT - authorized
    const refused = await pay(talk, { kind: 'refund', config, voucher: sign(authorized), amount: free + 1n })
    expect(refused.map(({ kind }) => kind)).toEqual(['paymentRequired', 'refusal'])
    expect(refused.at(-1)).toMatchObject({ value: { code: 'insufficient-funds' } })
    const settled = await pay(talk, { kind: 'refund', config, voucher: sign(authorized), amount: free })
    expect(settled.map(({ kind }) => kind)).toEqual(['settlement', 'ledger'])
    expect(chain.fundsOf(channel).balance).toBe(authorized)
    await talk.close()
  })

  it('spends no gas on a deposit that cannot be good', async () => {
    const talk = await openStream()
    const before = chain.deposits
    const good = {
      method: 'eip3009',
      validAfter: 0n,
      validBefore: BigInt(Math.floor(Date.now() / 1_000) + 600),
      salt: randomDigest(random),
      signature: `0x${'11'.repeat(65)}`,
    } as const
    const deposit = { kind: 'deposit', config, voucher: sign(authorized), amount: 10n, authorization: good } as const
    for (const [code, payment] of [
      ['deposit-failed', { ...deposit, amount: 9n }],
      ['deposit-failed', { ...deposit, authorization: { ...good, validBefore: 1n } }],
      ['bad-voucher', { ...deposit, voucher: { ...sign(authorized), signature: sign(authorized + 1n).signature } }],
    ] as const) {
      expect((await pay(talk, payment)).at(-1)).toMatchObject({ kind: 'refusal', value: { code } })
    }
    expect(chain.deposits).toBe(before)
    await talk.close()
  })
})
