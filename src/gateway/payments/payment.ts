import { decodePaymentSignatureHeader } from '@x402/core/http'
import { parsePaymentPayload } from '@x402/core/schemas'
import type { PaymentPayload } from '@x402/core/types'
import { isValidPaymentId, PAYMENT_IDENTIFIER } from '@x402/extensions/payment-identifier'
import { z } from 'zod'
import {
  type Address,
  canonicalBytes,
  type Digest,
  fail,
  isAddress,
  isDigest,
  type Json,
  keccak,
  ok,
  type Result,
  utf8,
  ZERO_ADDRESS,
} from '../../protocol/index.ts'
import type { Problem } from '../http/problem.ts'
import { problem } from '../problems.ts'

/** A payment as its header brings it; nothing of it is verified. */
export interface PresentedPayment {
  /** The very object that the schemes of x402 key their state by. */
  readonly payload: PaymentPayload
  /**
   * What is authorised, without the signature: two headers that could move the same money once have one key. A digest of
   * the token's or Permit2's nonce, or of the channel and its cumulative amount.
   */
  readonly key: Digest
  /** Digest of the whole payload: one who repeats it has had it. */
  readonly digest: Digest
  /** Who signed it, once it is verified: of a voucher the channel's key, for anybody can open a channel in another's name. */
  readonly payer: Address
  readonly kind: 'authorization' | 'voucher' | 'deposit' | 'refund'
  /** Of the payment-identifier extension. */
  readonly identifier: string | undefined
}

const address = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine(isAddress)
const digest = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine(isDigest)
const integer = z.string().regex(/^(?:0|[1-9][0-9]{0,77})$/)

const eip3009 = z.looseObject({ authorization: z.looseObject({ from: address, nonce: digest }) })
const permit2 = z.looseObject({ permit2Authorization: z.looseObject({ from: address, nonce: integer }) })
const channel = z.looseObject({
  type: z.enum(['voucher', 'deposit', 'refund']),
  channelConfig: z.looseObject({ payer: address, payerAuthorizer: address.default(ZERO_ADDRESS) }),
  voucher: z.looseObject({ channelId: digest, maxClaimableAmount: integer }),
})

/** Reads `PAYMENT-SIGNATURE`. Problems `payment-malformed | payment-unsupported | payment-identifier-invalid`. */
export function readPayment(header: string): Result<PresentedPayment, Problem> {
  const decoded = decode(header)
  if (!decoded.ok) return decoded
  const parsed = parsePaymentPayload(decoded.value)
  if (!parsed.success || parsed.data.x402Version !== 2) {
    return fail(problem('payment-malformed', 'a payment payload of x402 version 2', 'another object'))
  }
  const payload = parsed.data as PaymentPayload
  const named = identify(payload)
  if (!named.ok) return named
  const identifier = identifierOf(payload)
  if (!identifier.ok) return identifier
  const whole = digestOfJson(payload)
  if (whole === undefined) return fail(problem('payment-malformed', 'plain JSON numbers', 'a number that is not exact'))
  return ok({ payload, ...named.value, digest: whole, identifier: identifier.value })
}

function decode(header: string): Result<unknown, Problem> {
  try {
    return ok(decodePaymentSignatureHeader(header))
  } catch {
    // The message of the decoder would repeat the header, which is a payment.
    return fail(problem('payment-malformed', 'base64 of JSON in PAYMENT-SIGNATURE', 'something else'))
  }
}

type Named = Pick<PresentedPayment, 'key' | 'payer' | 'kind'>

function identify({ accepted, payload }: PaymentPayload): Result<Named, Problem> {
  const { scheme, network, asset } = accepted
  if (scheme === 'batch-settlement') {
    const parsed = channel.safeParse(payload)
    if (!parsed.success) return malformed(scheme)
    const { type, voucher, channelConfig } = parsed.data
    const key = keyOf(network, 'channel', voucher.channelId, voucher.maxClaimableAmount)
    const { payer, payerAuthorizer } = channelConfig
    return ok({ key, payer: payerAuthorizer === ZERO_ADDRESS ? payer : payerAuthorizer, kind: type })
  }
  if (scheme === 'exact' || scheme === 'upto') {
    const moved = eip3009.safeParse(payload)
    if (scheme === 'exact' && moved.success) {
      const { from, nonce } = moved.data.authorization
      return ok({
        key: keyOf(network, 'eip3009', asset.toLowerCase(), from, nonce),
        payer: from,
        kind: 'authorization',
      })
    }
    const permitted = permit2.safeParse(payload)
    if (!permitted.success) return malformed(scheme)
    const { from, nonce } = permitted.data.permit2Authorization
    return ok({ key: keyOf(network, 'permit2', from, nonce), payer: from, kind: 'authorization' })
  }
  return fail(problem('payment-unsupported', 'scheme exact, upto or batch-settlement', scheme))
}

const malformed = (scheme: string): Result<never, Problem> =>
  fail(problem('payment-malformed', `a payload of the scheme ${scheme}`, 'another object'))

const keyOf = (...parts: readonly string[]): Digest => keccak(utf8(parts.join('\n')))

/** The extension's own validation compiles a schema that the client sends; only the identifier is looked at here. */
function identifierOf({ extensions }: PaymentPayload): Result<string | undefined, Problem> {
  const parsed = z
    .looseObject({ info: z.looseObject({ id: z.unknown().optional() }) })
    .safeParse(extensions?.[PAYMENT_IDENTIFIER])
  const id = parsed.success ? parsed.data.info.id : undefined
  if (id === undefined) return ok(undefined)
  if (typeof id === 'string' && isValidPaymentId(id)) return ok(id)
  return fail(problem('payment-identifier-invalid', '16 to 128 letters, digits, hyphens, underscores', 'another id'))
}

/** Where the answer to a payer's identifier is found. */
export const identifierKey = (payer: Address, identifier: string): Digest => keyOf('identifier', payer, identifier)

function digestOfJson(value: unknown): Digest | undefined {
  try {
    return keccak(canonicalBytes(value as Json))
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined
    throw thrown
  }
}
