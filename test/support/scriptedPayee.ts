import { type Host, protocolName } from '../../src/net/index.ts'
import {
  formatPaymentRequired,
  formatSettlement,
  parsePayment,
  type Settlement,
  type X402Context,
} from '../../src/payment/index.ts'
import {
  type Address,
  ASSURANCE,
  authorizedOf,
  type ChannelFunds,
  ChunkChain,
  channelIdOf,
  chargeOf,
  createChannelDomain,
  type Digest,
  digestOf,
  H,
  HEAD,
  type Head,
  JOB,
  type Job,
  MODE,
  merkleRoot,
  PayeeLedger,
  RECEIPT,
  type Receipt,
  type RefusalCode,
  type SignedHead,
  type SignedOffer,
  type SignedReceipt,
  type Signer,
  STATUS,
  sliceOf,
  splitOutput,
  type Terms,
  type TranscriptChunk,
  traceDigestOf,
  type Voucher,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { type TypedStream, typedStream } from '../../src/roles/typedStream.ts'
import type { InferClientFrame } from '../../src/wire/index.ts'
import { grantOf, offerOf, termsOf } from './protocolWorld.ts'
import { crypto, DOMAIN, signerOf } from './votes.ts'

export const OPG = `0x${'0f'.repeat(20)}` as const
export const CHANNELS = createChannelDomain(31337, `0x${'40'.repeat(20)}`)
export const WITHDRAW_DELAY = 900
export const X402: X402Context = {
  ...{ network: 'eip155:31337', domain: CHANNELS },
  ...{ permit2: `0x${'22'.repeat(20)}`, permit2Collector: `0x${'23'.repeat(20)}` },
}

/** The chain of these tests: what is deposited and claimed, by channel. It stands still but for deposits. */
export class SimulatedChannels {
  readonly balances = new Map<Digest, bigint>()
  deposits = 0

  readonly splitterOf = async (operator: `0x${string}`): Promise<`0x${string}`> => `0x${operator.slice(2, 38)}5911`

  readonly fundsOf = async (channel: Digest): Promise<ChannelFunds> => {
    const balance = this.balances.get(channel) ?? 0n
    return { balance, safeBalance: balance, totalClaimed: 0n, withdrawing: false }
  }

  deposit(channel: Digest, amount: bigint): void {
    this.deposits += 1
    this.balances.set(channel, (this.balances.get(channel) ?? 0n) + amount)
  }
}

/** What the script does that an honest provider never would, and what happens to its streams. */
export interface Script {
  /** Changes a head before it is signed. */
  head?: (head: Head) => Head
  receipt?: (receipt: Receipt) => Receipt
  /** Cuts the stream after so many heads, once. */
  cutAfterHeads?: number
  /** Cuts the stream before the receipt is sent, once. */
  cutBeforeReceipt?: boolean
  /** Answers nothing but this. */
  refuse?: 'busy' | 'unknown-channel'
  /** A restart: jobs without a receipt are closed at their last head. */
  closed?: boolean
  /** Refuses deposits, and keeps what it was given. */
  keepsDeposits?: boolean
  /** Waits for no voucher: whoever has not paid ahead is cut off. */
  impatient?: boolean
}

type Stream = TypedStream<'InferClientFrame', 'InferServerFrame'>
type Request = Extract<InferClientFrame, { kind: 'request' }>['value']

interface Work {
  readonly chunks: TranscriptChunk[]
  readonly heads: SignedHead[]
  receipt: SignedReceipt | undefined
}

/** The payee's side of the design, on a real stream: vouchers are checked, heads wait for them, jobs are kept. */
export class ScriptedPayee {
  readonly operator: Signer
  readonly offer: SignedOffer
  readonly ledger: PayeeLedger
  readonly script: Script = {}
  readonly works = new Map<Digest, Work>()
  readonly requests: Request[] = []
  /** Deposits it could bring. */
  readonly kept = new Set<string>()
  vouchers = 0
  readonly #terms: Terms
  readonly #session: Signer
  readonly #chain: SimulatedChannels
  readonly #splitter: Address
  #sequence = 0

  constructor(host: Host, operator: Signer, chain: SimulatedChannels, splitter: Address) {
    this.operator = operator
    this.#chain = chain
    this.#splitter = splitter
    const now = Date.now()
    const grant = grantOf(operator, 0, { notBefore: now - 1_000, notAfter: now + 3_600_000 })
    this.#session = grant.session
    this.#terms = termsOf(operator, {
      ...{ token: OPG, perRequest: 0n, perGMAC: 10n ** 9n, perSecond: 0n, perGBSecond: 0n },
      ...{ macIn: 0n, macOut: 1_000n, validUntil: now + 3_600_000 },
    })
    this.offer = offerOf(operator, grant, {
      terms: [this.#terms],
      validUntil: now + 3_600_000,
      addresses: host.addresses().slice(0, 1),
    })
    this.ledger = new PayeeLedger({
      ...{ domain: CHANNELS, crypto, float: 10n ** 30n, maxJobs: 64 },
      payee: { operator: operator.address, splitter, token: OPG, minWithdrawDelay: WITHDRAW_DELAY },
    })
    host.handle(protocolName(DOMAIN.networkId, 'infer'), async (stream) => {
      const typed = typedStream(stream, 'InferClientFrame', 'InferServerFrame', host.conduct)
      try {
        for (;;) {
          const frame = await typed.read({ timeoutMs: 60_000 })
          if (frame === undefined) return
          await this.#answer(typed, frame)
        }
      } catch (thrown) {
        typed.abort(thrown as Error)
      }
    })
  }

  async #answer(stream: Stream, frame: InferClientFrame): Promise<void> {
    switch (frame.kind) {
      case 'payment':
        return await this.#onPayment(stream, frame.value.payload)
      case 'voucher':
        return await this.#onVoucher(stream, frame.value)
      case 'request':
        return await this.#onRequest(stream, frame.value)
      case 'recall':
        return await this.#onRecall(stream, frame.value.jobId)
      case 'cancel':
        return
    }
  }

  async #onPayment(stream: Stream, payload: Uint8Array): Promise<void> {
    const parsed = parsePayment(payload, X402)
    if (!parsed.ok) return await this.#refuse(stream, 'bad-frame')
    const payment = parsed.value
    const channel = channelIdOf(CHANNELS, payment.config)
    if (payment.kind === 'deposit' && this.script.keepsDeposits === true) {
      const { authorization } = payment
      this.kept.add(authorization.signature + (authorization.method === 'eip3009' ? authorization.salt : ''))
      return await this.#refuse(stream, 'deposit-failed')
    }
    this.ledger.open(payment.config)
    if (payment.kind === 'deposit') this.#chain.deposit(channel, payment.amount)
    this.ledger.seen(channel, await this.#chain.fundsOf(channel))
    const held = this.ledger.account(channel)
    if (held !== undefined && payment.voucher.amount < authorizedOf(held)) {
      return await this.#call(stream, channel, 'stale-voucher')
    }
    if (payment.voucher.amount > 0n) this.ledger.accept(payment.voucher)
    const settlement = formatSettlement({ success: true, ...this.#states(channel) }, X402)
    await stream.write({ kind: 'settlement', value: { settlement } })
    await this.#sendLedger(stream, channel, 0n)
  }

  #states(channel: Digest): Pick<Settlement, 'standing' | 'voucher'> {
    const account = this.ledger.account(channel)
    const { amount, signature } = account?.voucher ?? {}
    const balance = this.#chain.balances.get(channel) ?? 0n
    return {
      standing: {
        channel,
        balance,
        totalClaimed: 0n,
        withdrawRequestedAt: 0,
        refundNonce: 0n,
        charged: account?.charged ?? 0n,
      },
      ...(amount === undefined || signature === undefined ? {} : { voucher: { amount, signature } }),
    }
  }

  async #call(stream: Stream, channel: Digest, code: RefusalCode): Promise<void> {
    const requirements = {
      ...{ asset: OPG, amount: 0n, payTo: this.#splitter, receiverAuthorizer: this.operator.address },
      ...{ withdrawDelay: WITHDRAW_DELAY, maxTimeoutSeconds: 60, name: 'OPG', version: '1' },
    }
    const resource = { url: 'https://example.com/scripted' }
    const required = formatPaymentRequired(
      { code, message: 'scripted', resource, requirements, ...this.#states(channel) },
      X402,
    )
    await stream.write({ kind: 'paymentRequired', value: { required } })
    await this.#refuse(stream, code)
  }

  async #sendLedger(stream: Stream, channel: Digest, required: bigint): Promise<void> {
    const account = this.ledger.account(channel)
    const authorized = account === undefined ? 0n : authorizedOf(account)
    const value = { channel, charged: account?.charged ?? 0n, authorized, required }
    await stream.write({ kind: 'ledger', value })
  }

  async #refuse(stream: Stream, code: RefusalCode): Promise<void> {
    await stream.write({ kind: 'refusal', value: { code, message: `scripted: ${code}` } })
  }

  async #onVoucher(stream: Stream, voucher: Voucher): Promise<void> {
    this.vouchers += 1
    this.ledger.accept(voucher)
    await this.#sendLedger(stream, voucher.channel, 0n)
  }

  async #onRequest(stream: Stream, request: Request): Promise<void> {
    this.requests.push(request)
    const { job, voucher } = request
    const jobId = digestOf(DOMAIN, JOB, job)
    if (this.script.refuse !== undefined) {
      const code = this.script.refuse
      delete this.script.refuse
      return await this.#refuse(stream, code)
    }
    if (voucher !== undefined) this.ledger.accept(voucher)
    const known = this.works.get(jobId)
    if (known === undefined) {
      const slice = sliceOf(this.#terms, job)
      const order = { jobId, channel: job.channel, maxFee: job.maxFee, slice, quorum: job.mode === MODE.quorum, now: 0 }
      const reserved = this.ledger.reserve(order)
      if (!reserved.ok) {
        return await this.#call(stream, job.channel, reserved.error.code)
      }
    }
    await stream.write({ kind: 'accepted', value: { jobId, grant: job.grant } })
    const work = known ?? { chunks: [], heads: [], receipt: undefined }
    this.works.set(jobId, work)
    for (const [index, chunk] of work.chunks.entries()) {
      await stream.write({ kind: 'chunk', value: { jobId, ...chunk } })
      await stream.write({ kind: 'head', value: work.heads[index] as SignedHead })
    }
    if (this.script.closed === true && known !== undefined && work.receipt === undefined)
      return await this.#close(stream, jobId)
    await this.#work(stream, request, jobId, work)
  }

  async #close(stream: Stream, jobId: Digest): Promise<void> {
    if (this.ledger.job(jobId) !== undefined) this.ledger.closeAtHead(jobId, 0)
    await this.#refuse(stream, 'job-closed')
  }

  /** One chunk and head for each piece; a head waits for its voucher, and a payer that sends none is cut off. */
  async #work(stream: Stream, { job }: Request, jobId: Digest, work: Work): Promise<void> {
    const pieces = splitOutput(new TextEncoder().encode('rows '.repeat(job.maxOutputUnits)), job.maxOutputUnits)
    const startedAt = Date.now()
    const usage = { inputUnits: 0, startedAt, finishedAt: startedAt }
    for (const piece of pieces.slice(work.chunks.length)) {
      const index = work.chunks.length + 1
      const charge = chargeOf(this.#terms, { ...usage, outputUnits: piece.units })
      if (!(await this.#paid(stream, jobId, job.channel, charge.fee))) break
      const chunk = { index, data: piece.data, salt: H('test/salt', index) }
      const chain = new ChunkChain(jobId)
      for (const each of [...work.chunks, chunk]) chain.accept(each)
      const honest: Head = {
        ...{ jobId, grant: job.grant, index, head: chain.head },
        ...{ outputUnits: piece.units, fee: charge.fee },
      }
      const head = this.script.head?.(honest) ?? honest
      const signed = { head, signature: this.#session.sign(digestOf(DOMAIN, HEAD, head)) }
      this.ledger.release(jobId, charge.fee)
      work.chunks.push(chunk)
      work.heads.push(signed)
      await stream.write({ kind: 'chunk', value: { jobId, ...chunk } })
      await stream.write({ kind: 'head', value: signed })
      if (this.script.cutAfterHeads === index) {
        delete this.script.cutAfterHeads
        throw new Error('scripted: the stream is cut')
      }
    }
    work.receipt ??= this.#receipt(job, jobId, work, usage, work.chunks.length === pieces.length)
    if (this.script.cutBeforeReceipt === true) {
      delete this.script.cutBeforeReceipt
      throw new Error('scripted: the stream is cut')
    }
    await this.#sendReceipt(stream, jobId, work.receipt)
  }

  async #sendReceipt(stream: Stream, jobId: Digest, receipt: SignedReceipt): Promise<void> {
    const value = { receipt, runtimeClass: H('test/runtime'), traceHash: H('test/trace') }
    await stream.write({ kind: 'receipt', value })
    const outcome = receipt.receipt.status === STATUS.complete ? 'complete' : 'truncated'
    await stream.write({ kind: 'end', value: { jobId, outcome } })
  }

  async #paid(stream: Stream, jobId: Digest, channel: Digest, fee: bigint): Promise<boolean> {
    while (!this.ledger.mayRelease(jobId, fee)) {
      await this.#sendLedger(stream, channel, this.ledger.requiredFor(jobId, fee))
      if (this.script.impatient === true) return false
      const frame = await stream.read()
      if (frame === undefined || frame.kind === 'cancel') return false
      await this.#answer(stream, frame)
    }
    return true
  }

  #receipt(
    job: Job,
    jobId: Digest,
    work: Work,
    usage: { startedAt: number; finishedAt: number; inputUnits: number },
    whole: boolean,
  ): SignedReceipt {
    const last = work.heads.at(-1)?.head
    const outputUnits = last?.outputUnits ?? 0
    const charge = chargeOf(this.#terms, { ...usage, outputUnits })
    const { chargedAfter } = this.ledger.serve(jobId, charge.fee, 0)
    const { requester, provider, grant, channel, model, inputHash, parametersHash, terms } = job
    const honest: Receipt = {
      ...{ jobId, grant, provider, requester, channel, model, inputHash, parametersHash, terms },
      sequence: this.#sequence,
      outputHead: last?.head ?? ZERO_DIGEST,
      headsRoot: merkleRoot(
        'head',
        work.heads.map(({ head }) => digestOf(DOMAIN, HEAD, head)),
      ),
      chunks: work.chunks.length,
      outputUnits,
      memoryMB: this.#terms.memoryMB,
      ...usage,
      ...charge,
      chargedAfter,
      evidence: this.offer.grant.grant.evidence,
      trace: traceDigestOf(H('test/runtime'), H('test/trace')),
      assurance: ASSURANCE.simulated,
      status: whole ? STATUS.complete : STATUS.truncated,
    }
    this.#sequence += 1
    const receipt = this.script.receipt?.(honest) ?? honest
    return { receipt, signature: this.#session.sign(digestOf(DOMAIN, RECEIPT, receipt)) }
  }

  async #onRecall(stream: Stream, jobId: Digest): Promise<void> {
    const work = this.works.get(jobId)
    if (work === undefined) return await this.#refuse(stream, 'not-found')
    if (work.receipt !== undefined) return await this.#sendReceipt(stream, jobId, work.receipt)
    const head = work.heads.at(-1)
    if (head !== undefined) await stream.write({ kind: 'head', value: head })
    await this.#close(stream, jobId)
  }
}

export const payeeOf = (index: number): Signer => signerOf('provider', index)
