import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSealing } from '../../../src/attestation/index.ts'
import {
  formatPayment,
  openSpendingBook,
  parsePaymentRequired,
  parseSettlement,
  requirementsJson,
  type SpendingBook,
} from '../../../src/payment/index.ts'
import {
  authorizedOf,
  ceilingOf,
  type Digest,
  type Head,
  MODE,
  PRIVACY,
  parametersOf,
  type Receipt,
  randomDigest,
  STATUS,
  sliceOf,
  type Terms,
  TIER,
} from '../../../src/protocol/index.ts'
import type { KeptJob } from '../../../src/roles/requester/keptJob.ts'
import { openPayer, type Payer } from '../../../src/roles/requester/payer.ts'
import {
  createRequester,
  type InferenceOrder,
  type Requester,
  type RequestProgress,
} from '../../../src/roles/requester/requester.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { decode } from '../../../src/wire/index.ts'
import { type FixedPeer, noCommittee, startBareHost, startFixedPeer, trustingGrants } from '../../support/fixedChain.ts'
import { quiet, random } from '../../support/peers.ts'
import { MODEL } from '../../support/protocolWorld.ts'
import {
  CHANNELS,
  OPG,
  payeeOf,
  ScriptedPayee,
  SimulatedChannels,
  WITHDRAW_DELAY,
  X402,
} from '../../support/scriptedPayee.ts'
import { crypto, DOMAIN, signerOf } from '../../support/votes.ts'

const OWNER = `0x${'aa'.repeat(20)}` as const
const POLICY = {
  budgets: new Map([
    [
      OPG,
      { perJob: 10n ** 9n, perDay: 10n ** 10n, perKey: 10n ** 12n, maxDeposit: 10n ** 9n, firstDeposit: 10n ** 6n },
    ],
  ]),
  hosts: undefined,
} as const
/** Rows: units, in four slices. */
const ROWS = 64
const SLICE = 16_000n

interface Device {
  readonly peer: FixedPeer
  readonly store: Store
  readonly payer: Payer
  readonly budgets: SpendingBook
  readonly requester: Requester
  stop(): Promise<void>
}

let directory: string
let chain: SimulatedChannels
let payee: ScriptedPayee
let kept: Map<Digest, KeptJob>
const stops: (() => Promise<void>)[] = []

/** A requester with its own books; two of them with one index share a key. */
async function startDevice(name: string, role = 'requester'): Promise<Device> {
  const peer = await startFixedPeer({ role, overrides: {} })
  const store = await openStore(join(directory, name), { clock: Date.now, logger: quiet })
  const budgets = await openSpendingBook(store, POLICY)
  const signer = signerOf('requester')
  const payer = await openPayer(
    {
      ...{ store, budgets, signer, crypto, clock: Date.now, logger: quiet },
      chain,
      wallet: {
        address: OWNER,
        authorize: async () => ({
          method: 'eip3009',
          validAfter: 0n,
          validBefore: BigInt(Math.floor(Date.now() / 1_000) + 900),
          salt: randomDigest(random),
          signature: `0x${'11'.repeat(65)}`,
        }),
      },
      frames: {
        payment: async (payment) => {
          const { config } = payment
          const requirements = {
            ...{
              asset: config.token,
              amount: 1n,
              payTo: config.receiver,
              receiverAuthorizer: config.receiverAuthorizer,
            },
            ...{ withdrawDelay: config.withdrawDelay, maxTimeoutSeconds: 60, name: 'OPG', version: '1' },
          }
          return formatPayment(payment, { accepted: requirementsJson(requirements, X402), context: X402 })
        },
        required: (bytes) => parsePaymentRequired(bytes, X402),
        settlement: (bytes) => parseSettlement(bytes, X402),
      },
    },
    { domain: CHANNELS, policy: POLICY, token: OPG, salt: DOMAIN.networkId, withdrawDelay: WITHDRAW_DELAY },
  )
  const requester = createRequester(
    {
      ...peer,
      offers: { ...peer.offers, live: () => [payee.offer] },
      grants: trustingGrants,
      committee: noCommittee,
      sealing: createSealing({ subtle: globalThis.crypto.subtle, random }, { networkId: DOMAIN.networkId }),
      journal: {
        saveJob: async (jobId, job) => void kept.set(jobId, job),
        loadJob: async (jobId) => kept.get(jobId),
        saveAnswer: async () => {},
      },
      payer,
      ...{ signer, crypto, random, clock: Date.now, logger: quiet },
    },
    { domain: DOMAIN, parameters: parametersOf('devnet') },
  )
  const stop = async (): Promise<void> => {
    await requester.stop()
    await peer.stop()
    await store.close()
  }
  stops.push(stop)
  return { peer, store, payer, budgets, requester, stop }
}

const order = (changes: Partial<InferenceOrder> = {}): InferenceOrder => ({
  ...{ model: MODEL, input: new Uint8Array(8), parameters: {}, tier: TIER.replay, privacy: PRIVACY.open },
  ...{ mode: MODE.local, maxOutputUnits: ROWS, timeoutMs: 60_000 },
  ...changes,
})

const terms = (): Terms => payee.offer.terms[0] as Terms

async function settlementOf({ store }: Device, jobId: Digest) {
  const value = await store.get('payerSettlements', [jobId])
  const read = value && decode('JobAccount', value)
  return read?.ok === true ? read.value : undefined
}

const channelOf = ({ payer }: Device) => {
  const [account] = payer.ledger.channels()
  if (account === undefined) throw new RangeError('no channel')
  return account
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opg-paid-job-'))
  chain = new SimulatedChannels()
  kept = new Map()
  const host = await startBareHost({ role: 'provider' })
  stops.push(() => host.stop())
  const operator = payeeOf(0)
  payee = new ScriptedPayee(host, operator, chain, await chain.splitterOf(operator.address))
})

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
  await rm(directory, { recursive: true, force: true })
})

describe('a paid job over a stream', () => {
  it('is funded without gas, paid slice by slice, and both books agree to the wei (R23, R24)', async () => {
    const device = await startDevice('one')
    const progress: RequestProgress[] = []
    const answer = await device.requester.request(order(), { onProgress: (each) => progress.push(each) })
    expect(answer).toMatchObject({ ok: true, value: { payment: { fee: 4n * SLICE } } })
    if (!answer.ok) return
    const { receipt, job } = answer.value
    expect(receipt.receipt).toMatchObject({
      status: STATUS.complete,
      outputUnits: ROWS,
      fee: ceilingOf(terms(), 0, ROWS),
    })
    expect(job.job.maxFee).toBe(ceilingOf(terms(), 0, ROWS))
    expect(chain.deposits).toBe(1)
    expect(payee.requests[0]?.voucher?.amount).toBe(sliceOf(terms(), job.job))
    expect(progress.filter(({ type }) => type === 'voucher').length).toBeGreaterThan(1)
    const ours = channelOf(device)
    expect(ours.charged).toBe(4n * SLICE)
    expect(payee.ledger.account(ours.id)?.charged).toBe(ours.charged)
    expect(device.payer.ledger.unsettled(ours.id)).toEqual([])
    expect(await settlementOf(device, answer.value.jobId)).toMatchObject({ outcome: 'paid', fee: 4n * SLICE })
    expect(await device.budgets.find(answer.value.jobId)).toMatchObject({ spent: 4n * SLICE })
  })

  it('pays one voucher for a job of one slice, and nothing twice over many', async () => {
    const device = await startDevice('one')
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => device.requester.request(order({ maxOutputUnits: 16 }))),
    )
    expect(answers.filter(({ ok }) => ok)).toHaveLength(12)
    const ours = channelOf(device)
    expect(ours.charged).toBe(12n * SLICE)
    expect(authorizedOf(ours)).toBe(12n * SLICE)
    expect(chain.deposits).toBe(1)
    expect(payee.vouchers).toBe(0)
  })

  it('of many that stream at once leaves on disk what is in memory (R27)', async () => {
    const device = await startDevice('one')
    const answers = await Promise.all(Array.from({ length: 12 }, () => device.requester.request(order())))
    const answered = answers.filter(({ ok }) => ok).length
    const ours = channelOf(device)
    const value = await device.store.get('payerChannels', [ours.id])
    expect(value && decode('ChannelAccount', value)).toMatchObject({
      ok: true,
      value: { charged: BigInt(answered) * 4n * SLICE, voucher: { amount: authorizedOf(ours) } },
    })
  })

  it('a refusal costs nothing and frees what was set aside (R26)', async () => {
    const device = await startDevice('one')
    payee.script.refuse = 'busy'
    const answer = await device.requester.request(order())
    expect(answer).toMatchObject({ ok: false, error: { code: 'refused', cause: 'busy', paid: 0n } })
    expect(device.budgets.open()).toEqual([])
    expect(device.payer.ledger.unsettled(channelOf(device).id)).toEqual([])
  })

  it('a budget that is used up is refused before anything is signed', async () => {
    const device = await startDevice('one')
    const dear = { ...POLICY.budgets.get(OPG)!, perJob: 1n }
    const poor = await openSpendingBook(device.store, { ...POLICY, budgets: new Map([[OPG, dear]]) })
    Object.assign(device.budgets, { reserve: poor.reserve.bind(poor) })
    const answer = await device.requester.request(order())
    expect(answer).toMatchObject({ ok: false, error: { code: 'payment', cause: 'over-job-budget', paid: 0n } })
    expect(payee.requests).toEqual([])
  })
})

describe('a payer that stops paying', () => {
  it('gets a truncated receipt for what was released: at most one slice unpaid (R24)', async () => {
    const device = await startDevice('one')
    payee.script.impatient = true
    const asked = device.payer.ledger
    Object.assign(asked, { verified: () => ({ entries: [] }), asked: () => ({ ok: true, value: { entries: [] } }) })
    const answer = await device.requester.request(order())
    expect(answer).toMatchObject({ ok: true, value: { receipt: { receipt: { status: STATUS.truncated, chunks: 2 } } } })
    const ours = channelOf(device)
    expect(ours.charged).toBe(2n * SLICE)
    expect(payee.ledger.account(ours.id)?.charged).toBe(2n * SLICE)
  })
})

describe('a provider that keeps deposits instead of bringing them', () => {
  it('gets one, however often it refuses, and can lock up no more (policy maxDeposit)', async () => {
    const device = await startDevice('one')
    payee.script.keepsDeposits = true
    for (let at = 0; at < 3; at += 1) {
      const failure = { code: 'payment', cause: 'deposit-failed' }
      expect(await device.requester.request(order())).toMatchObject({ ok: false, error: failure })
    }
    expect(payee.kept.size).toBe(1)
    payee.script.keepsDeposits = false
    expect(await device.requester.request(order())).toMatchObject({ ok: true })
  })
})

describe('a provider that bills above its offer', () => {
  const forged: [string, string, () => void][] = [
    [
      'in a head',
      'head-over-ceiling',
      () => Object.assign(payee.script, { head: (head: Head) => ({ ...head, fee: head.fee + 1n }) }),
    ],
    [
      'in units of a head',
      'head-over-ceiling',
      () => Object.assign(payee.script, { head: (head: Head) => ({ ...head, outputUnits: 17 }) }),
    ],
    [
      'in its receipt',
      'receipt-fee',
      () => Object.assign(payee.script, { receipt: (receipt: Receipt) => ({ ...receipt, fee: receipt.fee + 1n }) }),
    ],
    [
      'in its books',
      'receipt-charged',
      () =>
        Object.assign(payee.script, {
          receipt: (receipt: Receipt) => ({ ...receipt, chargedAfter: receipt.chargedAfter + 1n }),
        }),
    ],
  ]
  it.each(forged)('%s is refused by code %s', async (_, code, cheat) => {
    const device = await startDevice('one')
    cheat()
    const answer = await device.requester.request(order({ mode: MODE.buffered }))
    expect(answer).toMatchObject({ ok: false, error: { code: 'answer-invalid', cause: code } })
    expect(channelOf(device).charged).toBe(0n)
  })
})

describe('a lost stream (R26, R27)', () => {
  it.each([
    ['after a head', { cutAfterHeads: 2 }],
    ['before the receipt', { cutBeforeReceipt: true }],
  ])('%s is taken up again with the same job, delivered and charged once', async (_, cut) => {
    const device = await startDevice('one')
    Object.assign(payee.script, cut)
    const delivered: number[] = []
    const answer = await device.requester.request(order(), {
      onChunks: (chunks) => delivered.push(...chunks.map(({ index }) => index)),
    })
    expect(answer).toMatchObject({ ok: true, value: { receipt: { receipt: { status: STATUS.complete } } } })
    expect(delivered).toEqual([1, 2, 3, 4])
    expect(payee.works.size).toBe(1)
    const ours = channelOf(device)
    expect(ours.charged).toBe(4n * SLICE)
    expect(payee.ledger.account(ours.id)?.charged).toBe(4n * SLICE)
  })

  it('of a provider that restarted costs its last head, in both books', async () => {
    const device = await startDevice('one')
    Object.assign(payee.script, { cutAfterHeads: 2, closed: true })
    const answer = await device.requester.request(order())
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'refused', cause: 'job-closed', deliveredChunks: 2, paid: 2n * SLICE },
    })
    const ours = channelOf(device)
    expect(ours.charged).toBe(2n * SLICE)
    expect(payee.ledger.account(ours.id)?.charged).toBe(2n * SLICE)
  })

  it('left open by an earlier run is recalled when its provider is met again, and a retry brings the stored answer', async () => {
    const device = await startDevice('one')
    const first = await device.requester.request(order())
    if (!first.ok) throw new Error(first.error.message)
    const { jobId } = first.value
    await device.stop()
    stops.pop()
    const after = await startDevice('one')
    // As if the process had died before it settled.
    const open = await openPayerAt(after, jobId)
    await after.requester.request(order({ maxOutputUnits: 16 }))
    expect(open()).toBe(undefined)
    expect(await settlementOf(after, jobId)).toMatchObject({ outcome: 'paid', fee: 4n * SLICE })
    const again = await after.requester.retry(jobId)
    expect(again).toMatchObject({ ok: true, value: { jobId } })
    expect(payee.ledger.account(channelOf(after).id)?.charged).toBe(channelOf(after).charged)
  })
})

/** Puts the books of a device back to where the job was pending. */
async function openPayerAt({ payer }: Device, jobId: Digest): Promise<() => unknown> {
  const account = channelOf({ payer } as Device)
  const job = kept.get(jobId)?.job
  if (job === undefined) throw new RangeError('no such job')
  payer.ledger.load({ ...account, charged: 0n }, [
    {
      ...{ jobId, channel: account.id, state: 'pending', slice: SLICE, maxFee: job.maxFee, fee: 0n },
      ...{ covered: 4n * SLICE, quorum: false, since: 0 },
    },
  ])
  return () => payer.ledger.job(jobId)
}

describe('books that do not know a voucher of their own key', () => {
  it('catch up once when they are old, and lose nothing (R27)', async () => {
    const device = await startDevice('one')
    await device.requester.request(order())
    await device.stop()
    stops.pop()
    const restored = await startDevice('restored')
    const answer = await restored.requester.request(order({ maxOutputUnits: 16 }))
    if (!answer.ok) throw new Error(answer.error.message)
    expect(answer).toMatchObject({ ok: true, value: { payment: { charged: 5n * SLICE } } })
    expect(payee.ledger.account(channelOf(restored).id)?.charged).toBe(5n * SLICE)
  })

  it('of two devices with one key stop with key-shared', async () => {
    const one = await startDevice('one')
    const two = await startDevice('two', 'requester-two')
    await one.requester.request(order({ maxOutputUnits: 16 }))
    await two.requester.request(order())
    const answer = await one.requester.request(order({ maxOutputUnits: 16 }))
    expect(answer).toMatchObject({ ok: false, error: { code: 'payment', cause: 'key-shared' } })
    const last = await one.requester.request(order({ maxOutputUnits: 16 }))
    expect(last).toMatchObject({ ok: false, error: { cause: 'key-shared' } })
  })
})
