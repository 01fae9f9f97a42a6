import type { z } from 'zod'
import {
  type Address,
  type Digest,
  type Json,
  ok,
  type Result,
  type Signature,
  toChecksumAddress,
} from '../protocol/index.ts'
import { readX402, writeX402, type X402Context, type X402Problem, x402Problem } from './x402.ts'
import {
  BATCH_SETTLEMENT,
  type channelState as channelStateObject,
  paymentRequired,
  REFUSAL_EXTENSION,
  refusalExtension,
  requirements as requirementsObject,
  settlement as settlementObject,
  type voucherState as voucherStateObject,
} from './x402Objects.ts'

/** What a payee asks for: the template of a channel with it, and an amount. */
export interface ChannelRequirements {
  readonly asset: Address
  /** Wei still to be authorized. */
  readonly amount: bigint
  /** The channel's receiver. */
  readonly payTo: Address
  readonly receiverAuthorizer: Address
  /** Seconds. */
  readonly withdrawDelay: number
  readonly maxTimeoutSeconds: number
  /** EIP-712 domain of the token, for deposits. */
  readonly name: string
  readonly version: string
  readonly assetTransferMethod?: 'eip3009' | 'permit2'
}

/** A channel as the payee sees it. */
export interface ChannelStanding {
  readonly channel: Digest
  readonly balance: bigint
  readonly totalClaimed: bigint
  /** Seconds since 1970 at which a withdrawal was started; 0 where none is pending. */
  readonly withdrawRequestedAt: number
  readonly refundNonce: bigint
  /** The payee's books: fees of all jobs served. */
  readonly charged?: bigint
}

/** The highest voucher the payee holds. */
export interface HeldVoucher {
  readonly amount: bigint
  readonly signature: Signature
}

export interface PaymentRequired {
  /** The refusal's code (`PAYMENT_FAULTS` and what a wire refusal may say). */
  readonly code: string
  readonly message: string
  readonly resource: { readonly url: string; readonly description?: string; readonly mimeType?: string }
  readonly requirements: ChannelRequirements
  readonly standing?: ChannelStanding
  readonly voucher?: HeldVoucher
}

/** The answer to a payment. */
export interface Settlement {
  readonly success: boolean
  /** Where it failed. */
  readonly code?: string
  readonly message?: string
  readonly payer?: Address
  /** Where one was sent. */
  readonly transaction?: Digest
  /** Of a deposit or refund. */
  readonly amount?: bigint
  readonly standing?: ChannelStanding
  readonly voucher?: HeldVoucher
}

/**
 * What stock clients look for in `error` before they take over the payee's books; every other code stands there as it
 * is.
 */
const STOCK_ERROR: { readonly [code: string]: string } = {
  'stale-voucher': 'invalid_batch_settlement_evm_cumulative_amount_mismatch',
}

const standingJson = (standing: ChannelStanding): { [name: string]: Json } => ({
  channelId: standing.channel,
  balance: `${standing.balance}`,
  totalClaimed: `${standing.totalClaimed}`,
  withdrawRequestedAt: standing.withdrawRequestedAt,
  refundNonce: `${standing.refundNonce}`,
  ...(standing.charged === undefined ? {} : { chargedCumulativeAmount: `${standing.charged}` }),
})

const voucherJson = ({ amount, signature }: HeldVoucher): { [name: string]: Json } => ({
  signedMaxClaimable: `${amount}`,
  signature,
})

const statesJson = ({ standing, voucher }: Pick<Settlement, 'standing' | 'voucher'>): { [name: string]: Json } => ({
  ...(standing === undefined ? {} : { channelState: standingJson(standing) }),
  ...(voucher === undefined ? {} : { voucherState: voucherJson(voucher) }),
})

function statesOf(extra: {
  readonly channelState?: z.output<typeof channelStateObject> | undefined
  readonly voucherState?: z.output<typeof voucherStateObject> | undefined
}): Pick<Settlement, 'standing' | 'voucher'> {
  const { channelState: state, voucherState: held } = extra
  const { signedMaxClaimable: amount, signature } = held ?? {}
  return {
    ...(state === undefined ? {} : { standing: standingOf(state) }),
    ...(amount === undefined || signature === undefined ? {} : { voucher: { amount, signature } }),
  }
}

const standingOf = (state: z.output<typeof channelStateObject>): ChannelStanding => ({
  channel: state.channelId,
  balance: state.balance,
  totalClaimed: state.totalClaimed,
  withdrawRequestedAt: state.withdrawRequestedAt,
  refundNonce: state.refundNonce,
  ...(state.chargedCumulativeAmount === undefined ? {} : { charged: state.chargedCumulativeAmount }),
})

/** One entry of `accepts`. */
export const requirementsJson = (
  requirements: ChannelRequirements,
  { network }: Pick<X402Context, 'network'>,
  states: Pick<Settlement, 'standing' | 'voucher'> = {},
): Json => ({
  scheme: BATCH_SETTLEMENT,
  network,
  asset: toChecksumAddress(requirements.asset),
  amount: `${requirements.amount}`,
  payTo: toChecksumAddress(requirements.payTo),
  maxTimeoutSeconds: requirements.maxTimeoutSeconds,
  extra: {
    receiverAuthorizer: toChecksumAddress(requirements.receiverAuthorizer),
    withdrawDelay: requirements.withdrawDelay,
    name: requirements.name,
    version: requirements.version,
    ...(requirements.assetTransferMethod === undefined
      ? {}
      : { assetTransferMethod: requirements.assetTransferMethod }),
    ...statesJson(states),
  },
})

export function formatPaymentRequired(required: PaymentRequired, context: Pick<X402Context, 'network'>): Uint8Array {
  const { code, message, resource, requirements } = required
  return writeX402({
    x402Version: 2,
    error: STOCK_ERROR[code] ?? code,
    resource: { ...resource },
    accepts: [requirementsJson(requirements, context, required)],
    extensions: { [REFUSAL_EXTENSION]: { info: { code, message } } },
  })
}

/** A `PaymentRequired` from a provider: its first offer of our scheme on this network. */
export function parsePaymentRequired(
  bytes: Uint8Array,
  { network }: Pick<X402Context, 'network'>,
): Result<PaymentRequired, X402Problem> {
  const read = readX402(bytes, paymentRequired)
  if (!read.ok) return read
  const { error, resource, accepts, extensions } = read.value
  const ours = accepts.filter(({ scheme }) => scheme === BATCH_SETTLEMENT)
  if (ours.length === 0)
    return x402Problem('scheme-unsupported', BATCH_SETTLEMENT, accepts.map(({ scheme }) => scheme).join(', '))
  const entry = ours.find((each) => each.network === network)
  if (entry === undefined) return x402Problem('foreign-network', network, ours.map((each) => each.network).join(', '))
  const parsed = requirementsObject.safeParse(entry)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return x402Problem('payment-malformed', 'payment requirements', `${issue?.path.join('.')}: ${issue?.message}`)
  }
  const { asset, amount, payTo, maxTimeoutSeconds, extra } = parsed.data
  const { receiverAuthorizer, withdrawDelay, name, version, assetTransferMethod } = extra
  const refusal = refusalExtension.safeParse(extensions?.[REFUSAL_EXTENSION])
  const { url, description, mimeType } = resource
  return ok({
    ...(refusal.success ? refusal.data.info : { code: error ?? 'payment-required', message: error ?? '' }),
    resource: {
      url,
      ...(description === undefined ? {} : { description }),
      ...(mimeType === undefined ? {} : { mimeType }),
    },
    requirements: {
      ...{ asset, amount, payTo, receiverAuthorizer, withdrawDelay, maxTimeoutSeconds, name, version },
      ...(assetTransferMethod === undefined ? {} : { assetTransferMethod }),
    },
    ...statesOf(extra),
  })
}

export function formatSettlement(settlement: Settlement, { network }: Pick<X402Context, 'network'>): Uint8Array {
  const { success, code, message, payer, transaction, amount } = settlement
  return writeX402({
    success,
    ...(code === undefined ? {} : { errorReason: code }),
    ...(message === undefined ? {} : { errorMessage: message }),
    ...(payer === undefined ? {} : { payer: toChecksumAddress(payer) }),
    transaction: transaction ?? '',
    network,
    ...(amount === undefined ? {} : { amount: `${amount}` }),
    extra: statesJson(settlement),
  })
}

/** A `SettlementResponse` from a provider. */
export function parseSettlement(
  bytes: Uint8Array,
  { network }: Pick<X402Context, 'network'>,
): Result<Settlement, X402Problem> {
  const read = readX402(bytes, settlementObject)
  if (!read.ok) return read
  const { success, errorReason, errorMessage, payer, transaction, amount, extra } = read.value
  if (read.value.network !== network) return x402Problem('foreign-network', network, read.value.network)
  return ok({
    success,
    ...(errorReason === undefined ? {} : { code: errorReason }),
    ...(errorMessage === undefined ? {} : { message: errorMessage }),
    ...(payer === undefined ? {} : { payer }),
    ...(transaction === '' ? {} : { transaction }),
    ...(amount === undefined ? {} : { amount }),
    ...statesOf(extra ?? {}),
  })
}
