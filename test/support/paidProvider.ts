import {
  type ChannelConfig,
  type ChannelFunds,
  channelIdOf,
  createChannelDomain,
  type Digest,
  H,
  type Job,
  type JobRequest,
  type Payee,
  type ProviderEffect,
  type ProviderHistory,
  type Signer,
  sliceOf,
  type Terms,
  type Voucher,
  voucherDigest,
  ZERO_DIGEST,
} from '../../src/protocol/index.ts'
import { NOW, REQUESTER, TestProvider, type TestProviderOptions } from './protocolWorld.ts'
import { signerOf } from './votes.ts'

/** A provider's machine with a funded channel of `REQUESTER`, whose vouchers the test signs. */

export const TOKEN = `0x${'0b'.repeat(20)}` as const
export const CHANNEL_DOMAIN = createChannelDomain(31_337, `0x${'40'.repeat(20)}`)
export const DEPOSIT = 10n ** 18n

/** A price that grows with the units alone, so that four slices cost four times one. */
const BY_UNITS = { perRequest: 0n, perGMAC: 10n ** 12n, perSecond: 0n, perGBSecond: 0n }

export const payeeOf = (operator: Signer): Payee => ({
  operator: operator.address,
  splitter: signerOf('splitter').address,
  token: TOKEN,
  minWithdrawDelay: 900,
})

export const configOf = (operator: Signer, change: Partial<ChannelConfig> = {}): ChannelConfig => ({
  payer: signerOf('owner').address,
  payerAuthorizer: REQUESTER.address,
  receiver: payeeOf(operator).splitter,
  receiverAuthorizer: operator.address,
  token: TOKEN,
  withdrawDelay: 900,
  salt: ZERO_DIGEST,
  ...change,
})

export const funded = (change: Partial<ChannelFunds> = {}): ChannelFunds => ({
  balance: DEPOSIT,
  safeBalance: DEPOSIT,
  totalClaimed: 0n,
  withdrawing: false,
  ...change,
})

export function signVoucher(channel: Digest, amount: bigint, signer: Signer = REQUESTER): Voucher {
  return { channel, amount, signature: signer.sign(voucherDigest(CHANNEL_DOMAIN, { channel, amount })) }
}

export interface PaidProviderOptions extends TestProviderOptions {
  readonly history?: Partial<ProviderHistory>
  readonly float?: bigint
  readonly maxJobs?: number
}

export class PaidProvider extends TestProvider {
  readonly config: ChannelConfig
  readonly channel: Digest

  constructor({ history = {}, float = 0n, maxJobs = 8, init = {}, ...options }: PaidProviderOptions = {}) {
    const operator = signerOf('provider', options.index ?? 0)
    super({
      ...options,
      terms: { token: TOKEN, ...BY_UNITS, ...options.terms },
      init: {
        unpaid: false,
        payments: { domain: CHANNEL_DOMAIN, payee: payeeOf(operator), float, maxJobs },
        history: { nextCheckpoint: 0, previousCheckpoint: ZERO_DIGEST, loose: [], channels: [], ...history },
        ...init,
      },
    })
    this.config = configOf(operator)
    this.channel = channelIdOf(CHANNEL_DOMAIN, this.config)
  }

  get terms(): Terms {
    const [terms] = this.offer.terms
    if (terms === undefined) throw new RangeError('no terms')
    return terms
  }

  get books() {
    const { books } = this.machine
    if (books === undefined) throw new RangeError('no books')
    return books
  }

  /** The channel is shown with a voucher, and a chain that holds `DEPOSIT` for it. */
  show(amount = 0n, funds: ChannelFunds = funded(), stream = 90): ProviderEffect[] {
    const { config, channel } = this
    const voucher = signVoucher(channel, amount)
    return this.handle({ type: 'channel-shown', now: NOW, stream, config, voucher, funds })
  }

  /** A job on the channel with a voucher of `amount`; of so many units as `maxOutputUnits` says. */
  paid(amount: bigint | undefined, change: Partial<Job> = {}, parts: Partial<JobRequest> = {}): JobRequest {
    const { channel } = this
    const voucher = amount === undefined ? {} : { voucher: signVoucher(channel, amount) }
    return this.request({ channel, token: TOKEN, ...change }, { ...voucher, ...parts })
  }

  slice(request: JobRequest): bigint {
    return sliceOf(this.terms, request.job)
  }

  pay(amount: bigint, stream = 1, now = NOW + 20): ProviderEffect[] {
    return this.handle({ type: 'voucher', now, stream, voucher: signVoucher(this.channel, amount) })
  }
}

export const strangerVoucher = (channel: Digest, amount: bigint): Voucher =>
  signVoucher(channel, amount, signerOf('stranger'))

/** As `signVoucher` with one bit of the signature changed. */
export function bitFlipped(voucher: Voucher): Voucher {
  const last = Number.parseInt(voucher.signature.slice(60, 61), 16) ^ 1
  const signature = `${voucher.signature.slice(0, 60)}${last.toString(16)}${voucher.signature.slice(61)}` as const
  return { ...voucher, signature: signature as Voucher['signature'] }
}

export const OTHER_CHANNEL = H('test/other-channel')
