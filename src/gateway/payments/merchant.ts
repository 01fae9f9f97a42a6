import {
  type FacilitatorClient,
  PAYMENT_REQUIRED_CACHE_CONTROL,
  type PaymentCancellationDispatcher,
  x402ResourceServer,
} from '@x402/core/server'
import type {
  Network,
  PaymentPayload,
  PaymentRequired,
  PaymentRequirements,
  ResourceInfo,
  SettleResponse,
} from '@x402/core/types'
import { SettleError } from '@x402/core/types'
import { BatchSettlementEvmScheme } from '@x402/evm/batch-settlement/server'
import { ExactEvmScheme } from '@x402/evm/exact/server'
import { UptoEvmScheme } from '@x402/evm/upto/server'
import { bazaarResourceServerExtension } from '@x402/extensions/bazaar'
import { paymentIdentifierResourceServerExtension } from '@x402/extensions/payment-identifier'
import type { LocalAccount } from 'viem/accounts'
import { type Address, fail, ok, type Result, toChecksumAddress, toError } from '../../protocol/index.ts'
import type { Problem } from '../http/problem.ts'
import { priceOf, type Rate } from '../pricing.ts'
import { problem } from '../problems.ts'
import type { DurableChannels } from './channelStorage.ts'

/** One way to pay, resolved: which token, by which scheme, at which rate. */
export interface PaymentOption {
  readonly asset: Address
  readonly scheme: 'exact' | 'upto' | 'batch-settlement'
  readonly transfer: 'eip3009' | 'permit2'
  readonly rate: Rate
  /** The token's EIP-712 domain, which EIP-3009 signatures are under. */
  readonly name: string | undefined
  readonly version: string | undefined
}

export interface MerchantInit {
  /** CAIP-2, as `eip155:8453`. */
  readonly network: Network
  readonly payTo: Address
  readonly options: readonly PaymentOption[]
  /** Seconds a payer of a channel waits to withdraw. */
  readonly withdrawDelay: number
  /** Seconds for which a payment must hold: a job and its settlement fit. */
  readonly maxTimeoutSeconds: number
}

export interface MerchantComponents {
  readonly facilitator: FacilitatorClient
  readonly channels: DurableChannels
  /** Authorises claims and refunds of channels as `receiverAuthorizer`. */
  readonly authorizer: LocalAccount
}

/** Where a reservation of a channel stands between processes. */
export interface Reservation {
  readonly channelId: string
  readonly pendingId: string
}

export interface Verified {
  readonly valid: true
  /** Frees what the payment reserved. */
  readonly dispatcher: PaymentCancellationDispatcher
  /** Of a payload that asks for no work: a refund. */
  readonly acknowledgement?: unknown
}

export type Verification = Verified | { readonly valid: false; readonly reason: string }

/** The stock x402 server classes as this door uses them. */
export interface Merchant {
  /** Asks the facilitator what it supports, until it has answered once. Problem `facilitator-unreachable`. */
  ready(): Promise<Result<void, Problem>>
  /** One for each option, in the order of the configuration, at the price of a ceiling in wei. */
  requirements(ceiling: bigint): Promise<PaymentRequirements[]>
  match(offered: readonly PaymentRequirements[], payload: PaymentPayload): PaymentRequirements | undefined
  /** What 402 says; `failed` is the payment that an `error` is about. */
  required(
    offered: readonly PaymentRequirements[],
    resource: ResourceInfo,
    extensions: Record<string, unknown>,
    error?: string,
    failed?: PaymentPayload,
  ): Promise<PaymentRequired>
  echoes(required: PaymentRequired, payload: PaymentPayload): boolean
  verify(
    payload: PaymentPayload,
    requirements: PaymentRequirements,
    extensions: Record<string, unknown>,
  ): Promise<Result<Verification, Problem>>
  /** Whether a payment is good, without taking or reserving anything. */
  inspect(payload: PaymentPayload, requirements: PaymentRequirements): Promise<Result<boolean, Problem>>
  /** Smallest units to settle for a fee in wei, never above what was agreed. */
  charge(requirements: PaymentRequirements, fee: bigint): bigint
  /** The reservation of a payment that `verify` has accepted. */
  reservation(payload: PaymentPayload): Reservation | undefined
  /** Takes a reservation of an earlier process up again. */
  resume(payload: PaymentPayload, reservation: Reservation): Promise<void>
  /** Problems `settlement-failed` (nothing moved) and `settlement-unknown` (nobody can tell yet). */
  settle(
    payload: PaymentPayload,
    requirements: PaymentRequirements,
    extensions: Record<string, unknown>,
    amount: bigint | undefined,
  ): Promise<Result<SettleResponse, Problem & { readonly settlement?: SettleResponse }>>
  readonly batch: BatchSettlementEvmScheme
}

export const NO_STORE = PAYMENT_REQUIRED_CACHE_CONTROL

export function createMerchant(components: MerchantComponents, init: MerchantInit): Merchant {
  const { facilitator, channels, authorizer } = components
  const { network, payTo, options, withdrawDelay, maxTimeoutSeconds } = init
  const batch = new BatchSettlementEvmScheme(toChecksumAddress(payTo) as Address, {
    storage: channels,
    receiverAuthorizerSigner: {
      address: authorizer.address,
      signTypedData: (data) => authorizer.signTypedData(data as Parameters<LocalAccount['signTypedData']>[0]),
    },
    withdrawDelay,
  })
  const server = new x402ResourceServer(facilitator)
    .register(network, new ExactEvmScheme())
    .register(network, new UptoEvmScheme())
    .register(network, batch)
    .registerExtension(paymentIdentifierResourceServerExtension)
    .registerExtension(bazaarResourceServerExtension)
  let initialized = false
  const optionOf = ({ scheme, asset, extra }: PaymentRequirements): PaymentOption => {
    const transfer = extra.assetTransferMethod ?? 'eip3009'
    const found = options.find(
      (option) => option.scheme === scheme && option.asset === asset.toLowerCase() && option.transfer === transfer,
    )
    if (found === undefined) throw new RangeError('a payment that this gateway never offered')
    return found
  }
  return {
    batch,
    ready: async () => {
      if (initialized) return ok(undefined)
      try {
        await server.initialize()
        initialized = true
        return ok(undefined)
      } catch (thrown) {
        return fail(unreachable(thrown))
      }
    },
    requirements: async (ceiling) => {
      const all = options.map((option) =>
        server.buildPaymentRequirements({
          scheme: option.scheme,
          network,
          payTo: toChecksumAddress(payTo),
          price: { asset: toChecksumAddress(option.asset), amount: priceOf(ceiling, option.rate).toString() },
          maxTimeoutSeconds,
          extra: extraOf(option),
        }),
      )
      return (await Promise.all(all)).flat()
    },
    match: (offered, payload) => server.findMatchingRequirements([...offered], payload),
    required: (offered, resource, extensions, error, failed) =>
      server.createPaymentRequiredResponse([...offered], resource, error, extensions, undefined, failed),
    echoes: (required, payload) => server.validateExtensions(required, payload).valid,
    verify: async (payload, requirements, extensions) => {
      try {
        const { isValid, invalidReason, skipHandler } = await server.verifyPayment(payload, requirements, extensions)
        if (!isValid) return ok({ valid: false, reason: invalidReason ?? 'invalid' })
        const dispatcher = server.createPaymentCancellationDispatcher(payload, requirements, extensions)
        return ok({
          valid: true,
          dispatcher,
          ...(skipHandler === undefined ? {} : { acknowledgement: skipHandler.body ?? {} }),
        })
      } catch (thrown) {
        return fail(unreachable(thrown))
      }
    },
    inspect: async (payload, requirements) => {
      try {
        return ok((await facilitator.verify(payload, requirements)).isValid)
      } catch (thrown) {
        return fail(unreachable(thrown))
      }
    },
    charge: (requirements, fee) => {
      const agreed = BigInt(requirements.amount)
      if (requirements.scheme === 'exact') return agreed
      const price = priceOf(fee, optionOf(requirements).rate)
      return price < agreed ? price : agreed
    },
    reservation: (payload) => {
      const context = batch.readRequestContext(payload)
      const { channelId, pendingId } = context ?? {}
      return channelId === undefined || pendingId === undefined ? undefined : { channelId, pendingId }
    },
    resume: async (payload, { channelId, pendingId }) => {
      const channelSnapshot = await channels.get(channelId)
      batch.mergeRequestContext(payload, {
        channelId,
        pendingId,
        reservationCommitted: true,
        ...(channelSnapshot === undefined ? {} : { channelSnapshot }),
      })
    },
    settle: (payload, requirements, extensions, amount) =>
      settle(
        server.settlePayment(
          payload,
          requirements,
          extensions,
          undefined,
          amount === undefined ? undefined : { amount: amount.toString() },
        ),
      ),
  }
}

const extraOf = ({ transfer, name, version }: PaymentOption): Record<string, unknown> => ({
  ...(name === undefined ? {} : { name }),
  ...(version === undefined ? {} : { version }),
  ...(transfer === 'eip3009' ? {} : { assetTransferMethod: transfer }),
})

const unreachable = (thrown: unknown): Problem => ({
  ...problem('facilitator-unreachable', 'an answer of the facilitator', toError(thrown).message),
  retryAfter: 5,
})

type Settled = Awaited<ReturnType<Merchant['settle']>>

async function settle(settling: Promise<SettleResponse>): Promise<Settled> {
  try {
    const settlement = await settling
    if (settlement.success) return ok(settlement)
    return fail(notSettled(settlement))
  } catch (thrown) {
    if (thrown instanceof SettleError) {
      const { errorReason = 'settlement failed', transaction, network } = thrown
      return fail(notSettled({ success: false, errorReason, transaction, network }))
    }
    return fail(problem('settlement-unknown', 'an answer of the facilitator', toError(thrown).message))
  }
}

/** A transaction that was sent and is not mined is no failure: it may yet move the money. */
function notSettled(settlement: SettleResponse): Problem & { readonly settlement: SettleResponse } {
  const reason = settlement.errorReason ?? 'settlement failed'
  const code = reason === 'settlement_pending' ? 'settlement-unknown' : 'settlement-failed'
  return { ...problem(code, 'a settled payment', reason), settlement }
}
