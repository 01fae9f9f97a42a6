import type { PaymentPayload, PaymentRequirements } from '@x402/core/types'
import { z } from 'zod'
import {
  type Address,
  canonicalBytes,
  type Digest,
  fail,
  isAddress,
  type Json,
  keccak,
  ok,
  type Result,
} from '../../protocol/index.ts'
import { type FacilitatorError, facilitatorError } from './errors.ts'

export const SCHEMES = ['exact', 'upto', 'batch-settlement'] as const
export type SchemeName = (typeof SCHEMES)[number]

/** What one facilitator serves. */
export interface Served {
  /** CAIP-2. */
  readonly network: `${string}:${string}`
  readonly assets: ReadonlySet<Address>
}

/** A payment and what it is for, checked for shape alone. */
export interface PaymentRequest {
  readonly payload: PaymentPayload
  readonly requirements: PaymentRequirements
  readonly scheme: SchemeName
  /** What the chain takes once. */
  readonly id: Digest
  /** The whole request: equal for a retry, different for anything else. */
  readonly digest: Digest
  /** Whether the same words may be meant again later: a sweep of a receiver's claims. */
  readonly repeatable: boolean
}

const words = z.string().min(1).max(256)
const address = z.string().refine((text) => isAddress(text.toLowerCase()), 'expected an address')
const amount = z.string().regex(/^(?:0|[1-9][0-9]{0,77})$/, 'expected a decimal string of the smallest unit')
const requirements = z.looseObject({
  scheme: words,
  network: words,
  amount,
  asset: address,
  payTo: address,
  /** Zero in what a merchant claims for itself. */
  maxTimeoutSeconds: z.number().nonnegative().max(1e9),
  extra: z.record(z.string(), z.json()).nullish(),
})
const request = z.looseObject({
  x402Version: z.number().optional(),
  paymentPayload: z.looseObject({
    x402Version: z.number(),
    accepted: requirements,
    payload: z.record(z.string(), z.json()),
    resource: z.looseObject({ url: z.string().max(2_048) }).nullish(),
    extensions: z.record(z.string(), z.json()).nullish(),
  }),
  paymentRequirements: requirements,
})

const hex = z.string().regex(/^0x[0-9a-fA-F]{1,256}$/)
const nonce = z.union([hex, z.string().regex(/^[0-9]{1,78}$/)])
const eip3009 = z.looseObject({ authorization: z.looseObject({ from: address, nonce }) })
const permit2 = z.looseObject({ permit2Authorization: z.looseObject({ from: address, nonce }) })
const erc3009Deposit = z.looseObject({ erc3009Authorization: z.looseObject({ salt: hex }) })
const deposit = z.looseObject({
  type: z.literal('deposit'),
  voucher: z.looseObject({ channelId: hex }),
  deposit: z.looseObject({ authorization: z.looseObject({}) }),
})
/** Payments are four deep, extensions with a JSON schema a little more. */
const MAX_DEPTH = 32

/** The body of `/verify` and `/settle`. FacilitatorError names the place: cheap checks alone, nothing is asked of the chain. */
export function parsePaymentRequest(value: unknown, served: Served): Result<PaymentRequest, FacilitatorError> {
  const hostile = hostileShape(value)
  if (hostile !== undefined) return fail(facilitatorError('payment-malformed', ...hostile))
  const parsed = request.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const place = issue?.path.map(String).join('.') || 'the body'
    return fail(facilitatorError('payment-malformed', 'a payment and its requirements', `${place}: ${issue?.message}`))
  }
  const { paymentPayload, paymentRequirements } = parsed.data
  if (paymentPayload.x402Version !== 2) {
    return fail(facilitatorError('version-unsupported', 'x402Version 2', `${paymentPayload.x402Version}`))
  }
  const scheme = SCHEMES.find((name) => name === paymentRequirements.scheme)
  if (scheme === undefined) {
    return fail(facilitatorError('scheme-unsupported', SCHEMES.join(', '), paymentRequirements.scheme))
  }
  if (paymentRequirements.network !== served.network) {
    return fail(facilitatorError('network-unsupported', served.network, paymentRequirements.network))
  }
  if (!served.assets.has(paymentRequirements.asset.toLowerCase() as Address)) {
    const known = [...served.assets].join(', ')
    return fail(facilitatorError('asset-unsupported', `one of ${known}`, paymentRequirements.asset))
  }
  const difference = differenceOf(paymentPayload.accepted, paymentRequirements)
  if (difference !== undefined) return fail(difference)
  const payload = paymentPayload as unknown as PaymentPayload
  const repeatable = scheme === 'batch-settlement' && paymentPayload.payload.type === 'settle'
  const content = { paymentPayload, paymentRequirements } as unknown as Json
  return ok({
    payload,
    requirements: paymentRequirements as unknown as PaymentRequirements,
    scheme,
    id: identityOf(served.network, scheme, paymentRequirements.asset, paymentPayload.payload),
    digest: digestOfJson(content),
    repeatable,
  })
}

type Terms = z.output<typeof requirements>

/** The amount may differ: `upto` settles what was used of what was accepted. */
function differenceOf(accepted: Terms, required: Terms): FacilitatorError | undefined {
  for (const name of ['scheme', 'network', 'asset', 'payTo'] as const) {
    if (accepted[name].toLowerCase() === required[name].toLowerCase()) continue
    return facilitatorError('requirements-differ', `${name} ${required[name]}`, accepted[name])
  }
  return undefined
}

/**
 * By what the contracts recognise a payment: the payer's nonce. Without one, a claim or a sweep for example, the
 * payload itself is the identity.
 */
function identityOf(
  network: string,
  scheme: SchemeName,
  asset: string,
  payload: { readonly [name: string]: Json | undefined },
): Digest {
  const of = (...parts: readonly string[]): Digest =>
    digestOfJson(['settlement', network, ...parts.map((part) => part.toLowerCase())])
  const ofPermit = (value: unknown): Digest | undefined => {
    const permitted = permit2.safeParse(value)
    if (!permitted.success) return undefined
    const { from, nonce: used } = permitted.data.permit2Authorization
    return of('permit2', from, numberOf(used))
  }
  const ofPayload = (): Digest => digestOfJson(['settlement', network, 'payload', payload as Json])
  if (scheme === 'batch-settlement') {
    const opened = deposit.safeParse(payload)
    if (!opened.success) return ofPayload()
    const { authorization } = opened.data.deposit
    const signed = erc3009Deposit.safeParse(authorization)
    if (signed.success) return of('deposit', opened.data.voucher.channelId, signed.data.erc3009Authorization.salt)
    return ofPermit(authorization) ?? ofPayload()
  }
  const authorized = eip3009.safeParse(payload)
  const ofTransfer = authorized.success
    ? of('eip3009', asset, authorized.data.authorization.from, authorized.data.authorization.nonce)
    : undefined
  return ofPermit(payload) ?? ofTransfer ?? ofPayload()
}

/** JSON that would cost more to read than it can mean: an expectation and what came. */
function hostileShape(value: unknown): readonly [string, string] | undefined {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return [`JSON at most ${MAX_DEPTH} deep`, 'deeper']
    if (level.some((each) => typeof each === 'string' && !each.isWellFormed()))
      return ['well-formed text', 'half of a pair']
    level = level.flatMap((each) =>
      typeof each === 'object' && each !== null ? [...Object.keys(each), ...Object.values(each)] : [],
    )
  }
  return undefined
}

const numberOf = (text: string): string => BigInt(text).toString()

/** Of the RFC 8785 form. */
const digestOfJson = (value: Json): Digest => keccak(canonicalBytes(value))
