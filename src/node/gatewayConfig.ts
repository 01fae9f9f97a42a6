import { z } from 'zod'
import { type Address, isAddress, PRIVACY, TIER } from '../protocol/index.ts'
import { amount, decimal } from './configFields.ts'
import { GATEWAY_PORT, MAX_MODELS } from './constants.ts'

const address = z
  .string()
  .refine((text) => isAddress(text.toLowerCase()), 'expected an address')
  .transform((text) => text.toLowerCase() as Address)
const word = z.string().min(1).max(64)

/** Payment schemes of x402 that the gateway takes, and how a token is moved for them. */
export const GATEWAY_SCHEMES = ['exact', 'upto', 'batch-settlement'] as const
export const GATEWAY_TRANSFERS = ['eip3009', 'permit2'] as const

/** What must hold before an answer is handed on, of the protocol's modes those that end in time for an HTTP request. */
export const GATEWAY_MODES = ['local', 'buffered', 'quorum'] as const

/** PPM of a price. */
const MAX_MARGIN_PPM = 10_000_000

const gatewayOption = z
  .strictObject({
    asset: z.union([z.literal('OPG'), address]).describe('Token: OPG, or the address of another.'),
    scheme: z.enum(GATEWAY_SCHEMES).describe('Payment scheme of x402: exact, upto, batch-settlement.'),
    transfer: z.enum(GATEWAY_TRANSFERS).optional().describe('How it moves: eip3009, permit2 (the only one of upto).'),
    perOPG: decimal.transform(BigInt).optional().describe('Smallest units that stand for one OPG (10^18 wei).'),
    marginPpm: z.int().min(0).max(MAX_MARGIN_PPM).default(0).describe('Added to the price, millionths of it.'),
    minimum: amount('1', 'Least price of a request, smallest units.'),
    name: word.optional().describe("Name in the token's EIP-712 domain."),
    version: word.optional().describe("Version in the token's EIP-712 domain."),
  })
  .refine(({ asset, perOPG }) => asset === 'OPG' || perOPG !== undefined, {
    path: ['perOPG'],
    error: 'expected what one OPG costs in this token',
  })
  .refine(({ scheme, transfer }) => scheme !== 'upto' || transfer !== 'eip3009', {
    path: ['transfer'],
    error: 'expected permit2, the only transfer of upto',
  })

/** The `gateway` section of a configuration. */
export const gatewaySchema = z.strictObject({
  host: word.default('127.0.0.1').describe('Address to bind.'),
  port: z.int().min(0).max(65_535).default(GATEWAY_PORT).describe('Port to bind; 0 lets the system choose.'),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where clients reach it, as the resource of a payment; where it is bound when left out.'),
  facilitator: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('x402 facilitator that verifies and settles payments.'),
  payTo: address.optional().describe('Receives what clients pay.'),
  accepts: z.array(gatewayOption).max(8).default([]).describe('Payments taken, the preferred first; USDC before OPG.'),
  tier: z
    .enum(Object.keys(TIER) as [keyof typeof TIER])
    .default('tee+replay')
    .describe('Tier, unless a request says.'),
  privacy: z
    .enum(Object.keys(PRIVACY) as [keyof typeof PRIVACY])
    .default('open')
    .describe('Privacy, unless a request says.'),
  mode: z.enum(GATEWAY_MODES).default('quorum').describe('Mode, unless a request says.'),
  models: z.array(z.string().min(1)).max(MAX_MODELS).default([]).describe('Model folders beside those of the home.'),
  jobSeconds: z.int().min(1).max(600).default(60).describe('A job is given up after.'),
  quoteSeconds: z.int().min(5).max(3_600).default(120).describe('A price that was told holds for.'),
  keepSeconds: z.int().min(60).max(2_592_000).default(86_400).describe('Answers are kept for repeated requests for.'),
  maxBodyBytes: z.int().min(1_024).max(16_777_216).default(4_194_304).describe('Largest request body.'),
  maxAtOnce: z.int().min(1).max(4_096).default(64).describe('Requests that run at once.'),
  perSecond: z.number().positive().max(10_000).default(20).describe('Requests a second of one client.'),
  burst: z.int().min(1).max(10_000).default(40).describe('Requests of one client at once.'),
  withdrawDelay: z.int().min(900).max(2_592_000).default(86_400).describe('Seconds a payer waits to withdraw.'),
  claimSeconds: z.int().min(1).max(86_400).default(600).describe('Vouchers are claimed and swept every.'),
  corsOrigins: z.array(word).max(16).default([]).describe('Origins whose pages may call it; none when left out.'),
})
export type GatewayConfig = z.output<typeof gatewaySchema>

export type GatewayOption = GatewayConfig['accepts'][number]
