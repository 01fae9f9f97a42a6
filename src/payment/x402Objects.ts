import { z } from 'zod'
import {
  type Address,
  type Digest,
  type Hex,
  isAddress,
  isDigest,
  type Signature,
  toChecksumAddress,
} from '../protocol/index.ts'

/**
 * The JSON objects of x402 v2 for the scheme `batch-settlement`, as published, and read strictly: their own members only,
 * every value in bounds. What other extensions and servers add beside them is carried, never read.
 */
export const BATCH_SETTLEMENT = 'batch-settlement'

const MAX_UINT128 = 2n ** 128n - 1n
const MAX_UINT40 = 2 ** 40 - 1
/** Bytes of a deposit's signature: that of a contract wallet (ERC-6492) may be long, this is beyond any. */
const MAX_SIGNATURE_BYTES = 4_096

const lower = (text: string): Address => text.toLowerCase() as Address

const isAccount = (text: string): boolean =>
  isAddress(lower(text)) && (isAddress(text) || toChecksumAddress(lower(text)) === text)

export const account = z
  .string()
  .length(42)
  .refine(isAccount, 'expected an address, lower case or EIP-55')
  .transform(lower)
const digest = z
  .string()
  .length(66)
  .transform((text) => text.toLowerCase())
  .refine((text): text is Digest => isDigest(text), 'expected 0x and 64 hex digits')
const decimal = (max: bigint, digits: number) =>
  z
    .string()
    .max(digits)
    .regex(/^(?:0|[1-9][0-9]*)$/, 'expected a whole number in decimal digits')
    .transform(BigInt)
    .refine((value) => value <= max, `expected at most ${max}`)
export const uint128 = decimal(MAX_UINT128, 39)
const uint256 = decimal(2n ** 256n - 1n, 78)
const uint40 = z.int().min(0).max(MAX_UINT40)

export const ecdsa = z
  .string()
  .length(132)
  .transform((text) => text.toLowerCase())
  .refine((text): text is Signature => /^0x[0-9a-f]{130}$/.test(text), 'expected a signature of 65 bytes')
const anySignature = z
  .string()
  .max(2 + 2 * MAX_SIGNATURE_BYTES)
  .transform((text) => text.toLowerCase())
  .refine((text): text is Hex => /^0x(?:[0-9a-f]{2})+$/.test(text), 'expected a signature in hex')

export const channelConfig = z.strictObject({
  payer: account,
  payerAuthorizer: account,
  receiver: account,
  receiverAuthorizer: account,
  token: account,
  withdrawDelay: uint40,
  salt: digest,
})

const voucher = z.strictObject({ channelId: digest, maxClaimableAmount: uint128, signature: ecdsa })

const erc3009Authorization = z.strictObject({
  validAfter: uint256,
  validBefore: uint256,
  salt: digest,
  signature: anySignature,
})

const permit2Authorization = z.strictObject({
  from: account,
  permitted: z.strictObject({ token: account, amount: uint128 }),
  spender: account,
  nonce: uint256,
  deadline: uint256,
  witness: z.strictObject({ channelId: digest }),
  signature: anySignature,
})

const deposit = z.strictObject({
  amount: uint128,
  authorization: z.union([z.strictObject({ erc3009Authorization }), z.strictObject({ permit2Authorization })]),
})

const payload = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('voucher'), channelConfig, voucher }),
  z.strictObject({ type: z.literal('deposit'), channelConfig, voucher, deposit }),
  z.strictObject({ type: z.literal('refund'), channelConfig, voucher, amount: uint128.optional() }),
])

/** x402 extension: an EIP-2612 permit for Permit2 of exactly the deposit. */
export const ALLOWANCE_EXTENSION = 'eip2612GasSponsoring'
export const allowanceExtension = z.looseObject({
  info: z.looseObject({
    from: account,
    asset: account,
    amount: uint128,
    spender: account,
    nonce: uint256,
    deadline: uint256,
    signature: ecdsa,
  }),
})

const resource = z.looseObject({
  url: z.string().min(1).max(2_048),
  description: z.string().max(1_024).optional(),
  mimeType: z.string().max(255).optional(),
})

const record = z.record(z.string(), z.unknown())
const version = z.literal(2)
const network = z.string().regex(/^eip155:[1-9][0-9]{0,15}$/, 'expected a CAIP-2 id of an EVM chain')
const word = z.string().min(1).max(128)

/** What the payer says it answers; the channel itself says what is paid. */
const accepted = z.looseObject({ scheme: z.string().max(64), network })

export const paymentPayload = z.strictObject({
  x402Version: version,
  resource: resource.nullish(),
  accepted,
  payload,
  extensions: record.nullish(),
})

export const channelState = z.strictObject({
  channelId: digest,
  balance: uint128,
  totalClaimed: uint128,
  withdrawRequestedAt: uint40,
  refundNonce: uint256,
  chargedCumulativeAmount: uint128.optional(),
})

export const voucherState = z.strictObject({
  signedMaxClaimable: uint128.optional(),
  signature: ecdsa.optional(),
})

export const requirements = z.looseObject({
  scheme: z.literal(BATCH_SETTLEMENT),
  network,
  asset: account,
  amount: uint128,
  payTo: account,
  maxTimeoutSeconds: z.int().positive().max(MAX_UINT40),
  extra: z.looseObject({
    receiverAuthorizer: account,
    withdrawDelay: uint40,
    name: word,
    version: word,
    assetTransferMethod: z.enum(['eip3009', 'permit2']).optional(),
    channelState: channelState.optional(),
    voucherState: voucherState.optional(),
  }),
})

export const paymentRequired = z.strictObject({
  x402Version: version,
  error: z.string().max(256).nullish(),
  resource,
  /** Offers of other schemes may stand beside ours. */
  accepts: z
    .array(z.looseObject({ scheme: z.string().max(64), network: z.string().max(64) }))
    .min(1)
    .max(16),
  extensions: record.nullish(),
})

/** What became of a refused payment in our words, as an extension. */
export const REFUSAL_EXTENSION = 'opg-refusal'
export const refusalExtension = z.strictObject({
  info: z.strictObject({ code: z.string().min(1).max(64), message: z.string().max(512) }),
})

export const settlement = z.strictObject({
  success: z.boolean(),
  errorReason: z.string().max(128).optional(),
  errorMessage: z.string().max(512).optional(),
  payer: account.optional(),
  /** Empty where nothing was sent. */
  transaction: z.union([z.literal(''), digest]),
  network,
  amount: uint128.optional(),
  extra: z
    .looseObject({
      chargedAmount: uint128.optional(),
      channelState: channelState.optional(),
      voucherState: voucherState.optional(),
    })
    .optional(),
  extensions: record.nullish(),
})
