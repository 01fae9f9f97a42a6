import { z } from 'zod'
import { type Address, fail, isAddress, ok, type Result } from '../protocol/index.ts'
import { type SpendingError, spendingError } from './errors.ts'

/** What stands for the network's own token in a policy. */
export const OPG_ASSET = 'OPG'

const MAX_ASSETS = 32
const MAX_HOSTS = 256

const wei = (text: string, meaning: string) =>
  z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,38})$/, 'expected a decimal string of the smallest unit')
    .default(text)
    .transform(BigInt)
    .describe(meaning)

const asset = z
  .string()
  .refine((text) => text === OPG_ASSET || isAddress(text.toLowerCase()), 'expected OPG or the address of a token')
  .transform((text) => (text === OPG_ASSET ? OPG_ASSET : (text.toLowerCase() as Address)))

/** The defaults let a devnet and a first try through and little more: 1 OPG a job, 20 OPG a day. */
const assetBudget = z
  .strictObject({
    asset: asset.describe('OPG, or the address of another token.'),
    perJob: wei('1000000000000000000', 'Most of one job or request.'),
    perDay: wei('20000000000000000000', 'Most of one UTC day.'),
    perKey: wei('100000000000000000000', "Most of a voucher key's whole life."),
    maxDeposit: wei('10000000000000000000', 'Most to deposit in one channel.'),
    firstDeposit: wei('1000000000000000000', 'What the first deposit of a channel is, where the price allows.'),
  })
  .refine(({ firstDeposit, maxDeposit }) => firstDeposit <= maxDeposit, {
    path: ['firstDeposit'],
    message: 'expected at most maxDeposit',
  })

const host = z
  .string()
  .max(255)
  .regex(
    /^(?:\*\.)?[a-z0-9.-]+(?::[0-9]{1,5})?$/,
    'expected a host such as api.example.com, *.example.com or host:8080',
  )

/** The section `payments` of `config.json`: what the wallet of a home may spend, and on what. */
export const paymentsSchema = z.strictObject({
  assets: z
    .array(assetBudget)
    .max(MAX_ASSETS)
    .refine((assets) => new Set(assets.map((each) => each.asset)).size === assets.length, 'expected each asset once')
    .prefault([{ asset: OPG_ASSET }])
    .describe('Budgets by token; a token that is not here is never spent.'),
  hosts: z.array(host).max(MAX_HOSTS).optional().describe('Hosts that opg pay-fetch may pay; any when left out.'),
})
export type PaymentsConfig = z.output<typeof paymentsSchema>

/** What may be spent of one token, wei. */
export interface Budget {
  readonly perJob: bigint
  readonly perDay: bigint
  readonly perKey: bigint
  readonly maxDeposit: bigint
  readonly firstDeposit: bigint
}

/** The policy of a wallet: nothing is allowed that it does not name. */
export interface SpendingPolicy {
  readonly budgets: ReadonlyMap<Address, Budget>
  /** Undefined: any host. */
  readonly hosts: readonly string[] | undefined
}

/** The policy that a configuration means on the network whose token is `opg`. */
export function spendingPolicyOf({ assets, hosts }: PaymentsConfig, opg: Address): SpendingPolicy {
  const budgets = assets.map(({ asset: name, ...budget }) => [name === OPG_ASSET ? opg : name, budget] as const)
  return { budgets: new Map(budgets), hosts }
}

/** SpendingError `asset-refused`. */
export function budgetOf({ budgets }: SpendingPolicy, token: Address): Result<Budget, SpendingError> {
  const budget = budgets.get(token)
  if (budget !== undefined) return ok(budget)
  const known = [...budgets.keys()].join(', ') || 'no token'
  return fail(spendingError('asset-refused', `one of ${known}`, token, 'tokens the wallet spends'))
}

/** `host` is as in a URL, with its port where that is not the scheme's. SpendingError `host-refused`. */
export function checkHost({ hosts }: SpendingPolicy, given: string): Result<void, SpendingError> {
  if (hosts === undefined || hosts.some((allowed) => matchesHost(allowed, given.toLowerCase()))) return ok(undefined)
  return fail(spendingError('host-refused', hosts.join(', ') || 'no host', given, 'hosts the wallet pays'))
}

const matchesHost = (allowed: string, given: string): boolean =>
  allowed.startsWith('*.') ? given.endsWith(allowed.slice(1)) && given.length >= allowed.length : allowed === given

/** Whether a channel that holds `held` may be given `amount`. SpendingError `over-deposit-budget`. */
export function checkDeposit({ maxDeposit }: Budget, held: bigint, amount: bigint): Result<void, SpendingError> {
  const total = held + amount
  if (total <= maxDeposit) return ok(undefined)
  return fail(spendingError('over-deposit-budget', `at most ${maxDeposit} wei in a channel`, `${total} wei`))
}
