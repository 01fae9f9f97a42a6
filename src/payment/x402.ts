import type { z } from 'zod'
import type { NetworkFile } from '../chain/index.ts'
import {
  type Address,
  type ChannelConfig,
  type ChannelDomain,
  channelIdOf,
  createChannelDomain,
  type Digest,
  fail,
  type Json,
  ok,
  type Result,
  toChecksumAddress,
  toError,
  type Voucher,
} from '../protocol/index.ts'
import { WIRE_LIMITS } from '../wire/index.ts'
import type { ChannelPayment, DepositAuthorization, Permit2Allowance, Permit2Authorization } from './ports.ts'
import { ALLOWANCE_EXTENSION, allowanceExtension, BATCH_SETTLEMENT, paymentPayload } from './x402Objects.ts'

/** What x402 objects of one network are read and written with. */
export interface X402Context {
  /** CAIP-2. */
  readonly network: `eip155:${number}`
  readonly domain: ChannelDomain
  readonly permit2: Address
  readonly permit2Collector: Address
}

export const x402ContextOf = ({ chainId, contracts }: Pick<NetworkFile, 'chainId' | 'contracts'>): X402Context => ({
  network: `eip155:${chainId}`,
  domain: createChannelDomain(chainId, contracts.paymentChannels),
  permit2: contracts.permit2,
  permit2Collector: contracts.permit2DepositCollector,
})

/** Why an x402 object is not taken. */
export interface X402Problem {
  readonly code: 'payment-malformed' | 'scheme-unsupported' | 'foreign-network' | 'channel-mismatch'
  readonly expected: string
  readonly got: string
}

const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

const MAX_SHOWN = 120

export const x402Problem = (code: X402Problem['code'], expected: string, got: string): Result<never, X402Problem> =>
  fail({ code, expected, got: got.slice(0, MAX_SHOWN) })

/** Bytes from a peer as an object of `schema`: sized, UTF-8, JSON, and nothing that the schema does not name. */
export function readX402<S extends z.ZodType>(bytes: Uint8Array, schema: S): Result<z.output<S>, X402Problem> {
  const { value: max } = WIRE_LIMITS.paymentObject
  if (bytes.length > max) return x402Problem('payment-malformed', `at most ${max} bytes`, `${bytes.length} bytes`)
  let json: unknown
  try {
    json = JSON.parse(decoder.decode(bytes))
  } catch (thrown) {
    return x402Problem('payment-malformed', 'JSON in UTF-8', toError(thrown).message)
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  return x402Problem(
    'payment-malformed',
    'an x402 v2 object',
    `${issue?.path.join('.') || 'object'}: ${issue?.message}`,
  )
}

/** Throws RangeError for an object that no reader would take: our own mistake. */
export function writeX402(object: Json): Uint8Array {
  const bytes = encoder.encode(JSON.stringify(object))
  const { value: max } = WIRE_LIMITS.paymentObject
  if (bytes.length > max) throw new RangeError(`expected an x402 object of at most ${max} bytes, got ${bytes.length}`)
  return bytes
}

/**
 * A `PaymentPayload` from a peer. Its channel id is that of its configuration on this network; signatures are not
 * looked at here.
 */
export function parsePayment(bytes: Uint8Array, context: X402Context): Result<ChannelPayment, X402Problem> {
  const read = readX402(bytes, paymentPayload)
  if (!read.ok) return read
  const { accepted, payload, extensions } = read.value
  if (accepted.scheme !== BATCH_SETTLEMENT) return x402Problem('scheme-unsupported', BATCH_SETTLEMENT, accepted.scheme)
  if (accepted.network !== context.network) return x402Problem('foreign-network', context.network, accepted.network)
  const { channelConfig: config, voucher: signed } = payload
  const channel = channelIdOf(context.domain, config)
  if (signed.channelId !== channel) return x402Problem('channel-mismatch', `channel ${channel}`, signed.channelId)
  const voucher: Voucher = { channel, amount: signed.maxClaimableAmount, signature: signed.signature }
  if (payload.type === 'voucher') return ok({ kind: 'voucher', config, voucher })
  if (payload.type === 'refund') {
    return ok({ kind: 'refund', config, voucher, ...(payload.amount === undefined ? {} : { amount: payload.amount }) })
  }
  const { amount } = payload.deposit
  const authorization = readAuthorization(payload.deposit.authorization, {
    ...{ config, channel, amount, context },
    allowance: extensions?.[ALLOWANCE_EXTENSION],
  })
  if (!authorization.ok) return authorization
  return ok({ kind: 'deposit', config, voucher, amount, authorization: authorization.value })
}

type PaymentPayload = z.output<typeof paymentPayload>['payload']
type RawAuthorization = Extract<PaymentPayload, { type: 'deposit' }>['deposit']['authorization']

interface DepositFacts {
  readonly config: ChannelConfig
  readonly channel: Digest
  readonly amount: bigint
  readonly context: X402Context
  /** The extension as it came. */
  readonly allowance: unknown
}

function readAuthorization(raw: RawAuthorization, facts: DepositFacts): Result<DepositAuthorization, X402Problem> {
  const { config, channel, amount, context } = facts
  if ('erc3009Authorization' in raw) return ok({ method: 'eip3009', ...raw.erc3009Authorization })
  const { from, permitted, spender, witness, nonce, deadline, signature } = raw.permit2Authorization
  const members = [
    ['from', config.payer, from],
    ['permitted.token', config.token, permitted.token],
    ['permitted.amount', `${amount}`, `${permitted.amount}`],
    ['spender', context.permit2Collector, spender],
    ['witness.channelId', channel, witness.channelId],
  ] as const
  for (const [name, expected, got] of members) {
    if (expected !== got) return x402Problem('channel-mismatch', `${name} ${expected}`, got)
  }
  const allowance = readAllowance(facts)
  if (!allowance.ok) return allowance
  return ok({
    ...{ method: 'permit2', nonce, deadline, signature },
    ...(allowance.value === undefined ? {} : { allowance: allowance.value }),
  })
}

/** A server's bare declaration of the extension, echoed by its client, is no permit. */
function readAllowance({
  config,
  amount,
  context,
  allowance,
}: DepositFacts): Result<Permit2Allowance | undefined, X402Problem> {
  const parsed = allowanceExtension.safeParse(allowance)
  if (!parsed.success) return ok(undefined)
  const { info } = parsed.data
  const members = [
    ['from', config.payer, info.from],
    ['asset', config.token, info.asset],
    ['amount', `${amount}`, `${info.amount}`],
    ['spender', context.permit2, info.spender],
  ] as const
  for (const [name, expected, got] of members) {
    if (expected !== got) return x402Problem('channel-mismatch', `permit ${name} ${expected}`, got)
  }
  return ok({ nonce: info.nonce, deadline: info.deadline, signature: info.signature })
}

const configJson = (config: ChannelConfig): Json => ({
  payer: toChecksumAddress(config.payer),
  payerAuthorizer: toChecksumAddress(config.payerAuthorizer),
  receiver: toChecksumAddress(config.receiver),
  receiverAuthorizer: toChecksumAddress(config.receiverAuthorizer),
  token: toChecksumAddress(config.token),
  withdrawDelay: config.withdrawDelay,
  salt: config.salt,
})

/** The `PaymentPayload` of a payment, in answer to `accepted`: an entry of `accepts` as it came, or as it is written. */
export function formatPayment(
  payment: ChannelPayment,
  {
    accepted,
    context,
  }: { readonly accepted: Json; readonly context: Pick<X402Context, 'permit2' | 'permit2Collector'> },
): Uint8Array {
  const { config, voucher } = payment
  const payload = {
    type: payment.kind,
    channelConfig: configJson(config),
    voucher: { channelId: voucher.channel, maxClaimableAmount: `${voucher.amount}`, signature: voucher.signature },
    ...(payment.kind === 'refund' && payment.amount !== undefined ? { amount: `${payment.amount}` } : {}),
    ...(payment.kind === 'deposit' ? { deposit: depositJson(payment, context.permit2Collector) } : {}),
  }
  const extensions = payment.kind === 'deposit' ? allowanceJson(payment, context.permit2) : undefined
  return writeX402({ x402Version: 2, accepted, payload, ...(extensions === undefined ? {} : { extensions }) })
}

function allowanceJson(
  { config, amount, authorization }: Extract<ChannelPayment, { kind: 'deposit' }>,
  permit2: Address,
): Json | undefined {
  const allowance = (authorization as Partial<Permit2Authorization>).allowance
  if (allowance === undefined) return undefined
  const info = {
    from: toChecksumAddress(config.payer),
    asset: toChecksumAddress(config.token),
    spender: toChecksumAddress(permit2),
    amount: `${amount}`,
    nonce: `${allowance.nonce}`,
    deadline: `${allowance.deadline}`,
    signature: allowance.signature,
    version: '1',
  }
  return { [ALLOWANCE_EXTENSION]: { info } }
}

function depositJson(
  { config, voucher, amount, authorization }: Extract<ChannelPayment, { kind: 'deposit' }>,
  permit2Collector: Address,
): Json {
  if (authorization.method === 'eip3009') {
    const { validAfter, validBefore, salt, signature } = authorization
    const erc3009Authorization = { validAfter: `${validAfter}`, validBefore: `${validBefore}`, salt, signature }
    return { amount: `${amount}`, authorization: { erc3009Authorization } }
  }
  const { nonce, deadline, signature } = authorization
  const permit2Authorization = {
    from: toChecksumAddress(config.payer),
    permitted: { token: toChecksumAddress(config.token), amount: `${amount}` },
    spender: toChecksumAddress(permit2Collector),
    nonce: `${nonce}`,
    deadline: `${deadline}`,
    witness: { channelId: voucher.channel },
    signature,
  }
  return { amount: `${amount}`, authorization: { permit2Authorization } }
}
