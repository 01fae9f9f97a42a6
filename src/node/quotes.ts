import { erc20Abi } from 'viem'
import { readContract } from 'viem/actions'
import type { BudgetLeft } from '../payment/index.ts'
import {
  type Address,
  chargeOf,
  feeOf,
  type MoneyProblem,
  type OfferPolicy,
  type RankedOffer,
  sliceOf,
  type Terms,
  ZERO_ADDRESS,
} from '../protocol/index.ts'
import type { PaymentQuote } from '../roles/index.ts'
import { opgOf } from './chainRefusals.ts'
import type { OpgNode } from './node.ts'
import type { OpenedPayer } from './payer.ts'

/** What a job's ceiling is made of, wei, each rounded down: their sum is the ceiling but for a wei or two. */
export interface CeilingParts {
  readonly request: bigint
  readonly compute: bigint
  readonly time: bigint
  readonly memory: bigint
}

/** One offer for a job, before anything is signed. Amounts in wei. */
export interface JobQuote {
  readonly offer: RankedOffer
  /** What either side risks (R24). */
  readonly slice: bigint
  readonly parts: CeilingParts
  /** Absent where the job would be asked unpaid. */
  readonly payment: PaymentQuote | undefined
  /** Why the wallet would not pay, and the offer would be passed over. */
  readonly refusal: MoneyProblem | undefined
}

/** What pays, and how much it may. Wei. */
export interface PayerStanding {
  readonly address: Address
  readonly opg: bigint
  /** Undefined where the policy does not name OPG. */
  readonly left: BudgetLeft | undefined
}

export interface JobQuotes {
  readonly payer: PayerStanding | undefined
  /** As a request would ask them: the best first. */
  readonly offers: readonly JobQuote[]
}

/** Prices of a job at every live offer that fits; nothing is signed or sent to a provider. Throws ChainError. */
export async function quoteJob(node: OpgNode, policy: OfferPolicy): Promise<JobQuotes> {
  const { money, requester } = node
  if (requester === undefined) throw new RangeError('expected a started requester')
  const payer = money === undefined ? undefined : await standingOf(node, money)
  const offers: JobQuote[] = []
  for (const offer of requester.rank(policy)) {
    const { terms, ceiling } = offer
    const isSold = ceiling > 0n && terms.token !== ZERO_ADDRESS
    const payment = money !== undefined && isSold ? await money.payer.quote(offer) : undefined
    offers.push({
      ...{ offer, payment },
      slice: sliceOf(terms, { maxFee: ceiling, maxOutputUnits: policy.maxOutputUnits }),
      parts: partsOf(terms, policy.maxOutputUnits),
      refusal: isSold ? refusalOf(payment, payer) : undefined,
    })
  }
  return { payer, offers }
}

async function standingOf({ parts, operator }: OpgNode, { address, budgets }: OpenedPayer): Promise<PayerStanding> {
  const { opg } = parts.chain.network.contracts
  const held = await parts.chain.query((client) =>
    readContract(client, { address: opg, abi: erc20Abi, functionName: 'balanceOf', args: [address] }),
  )
  const left = budgets.left(opg, operator, Date.now())
  return { address, opg: held, left: left.ok ? left.value : undefined }
}

function partsOf(terms: Terms, outputUnits: number): CeilingParts {
  const used = { inputUnits: 0, outputUnits, startedAt: 0, finishedAt: Number.MAX_SAFE_INTEGER }
  const { mac, billedMs } = chargeOf(terms, used)
  const nothing = { perRequest: 0n, perGMAC: 0n, perSecond: 0n, perGBSecond: 0n, memoryMB: terms.memoryMB }
  const { perRequest, perGMAC, perSecond, perGBSecond } = terms
  return {
    request: perRequest,
    compute: feeOf({ ...nothing, perGMAC }, mac, billedMs),
    time: feeOf({ ...nothing, perSecond }, mac, billedMs),
    memory: feeOf({ ...nothing, perGBSecond }, mac, billedMs),
  }
}

function refusalOf(payment: PaymentQuote | undefined, payer: PayerStanding | undefined): MoneyProblem | undefined {
  if (payment === undefined || payer === undefined) {
    return { code: 'wallet-missing', message: 'no wallet: the job would be asked unpaid, which few providers take' }
  }
  if (payment.refusal !== undefined || payment.deposit <= payer.opg) return payment.refusal
  const [expected, got] = [opgOf(payment.deposit), opgOf(payer.opg)]
  return { code: 'insufficient-funds', message: 'expected a wallet that holds the deposit', expected, got }
}
