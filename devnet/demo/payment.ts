import { readContract } from 'viem/actions'
import { opgAbi, readEarnings, readStakeAccount } from '../../src/chain/index.ts'
import { askControl, type OpgNode } from '../../src/node/index.ts'
import { type Address, type Digest, sliceOf, splitFee } from '../../src/protocol/index.ts'
import type { RequestAnswer } from '../../src/roles/index.ts'
import type { Devnet } from '../supervisor.ts'
import { type Narrator, short } from './narrator.ts'

/** What `--json` says of the money. Amounts in wei. */
export interface DemoPayments {
  /** Holds OPG; its ether never moves. */
  readonly payer: Address
  readonly deposited: string
  readonly payerEtherSpent: string
  readonly jobs: readonly {
    readonly jobId: Digest
    readonly fee: string
    readonly slice: string
    /** The channel's highest voucher when the job was settled. */
    readonly authorized: string
  }[]
  /** Of the accepted jobs. */
  readonly fees: string
  readonly claim: {
    readonly transaction: string | null
    readonly distribution: string | null
    readonly provider: string
    readonly network: string
  }
}

interface ClaimAnswer {
  readonly rows: number
  readonly claimed: string
  readonly transaction: string | null
  readonly distribution: string | null
}

export interface Purse {
  readonly payer: Address
  readonly opg: bigint
  readonly ether: bigint
}

/** A claim waits for its block, and the distribution for its own, ms. */
const CLAIM_TIMEOUT_MS = 120_000

/** What the requester's wallet holds now. */
export async function readPurse(devnet: Devnet, payer: Address): Promise<Purse> {
  const [opg, ether] = await Promise.all([balanceOf(devnet, payer), devnet.anvil.client.getBalance({ address: payer })])
  return { payer, opg, ether }
}

const balanceOf = (devnet: Devnet, account: Address): Promise<bigint> =>
  readContract(devnet.anvil.client, {
    ...{ address: devnet.network.contracts.opg, abi: opgAbi, functionName: 'balanceOf', args: [account] },
  })

const sliceOfAnswer = ({ offer, job }: RequestAnswer): bigint => sliceOf(offer.terms, job.job)

/** R24: what one job cost, what bounds the risk of either side, and how far vouchers go. */
export function tellPayment(name: string, answer: RequestAnswer, narrator: Narrator): void {
  const { payment } = answer
  if (payment === undefined) {
    narrator.check(`${name} is paid`, false)
    return
  }
  const { channel, fee, charged, authorized } = payment
  narrator.tell(
    `${name}: fee ${fee} wei, slice ${sliceOfAnswer(answer)} wei; channel ${short(channel)}: ${charged} charged, vouchers up to ${authorized}`,
  )
}

/** Deposits came out of the wallet, gas did not: the providers brought what it signed (R23). */
export async function checkGasless(
  devnet: Devnet,
  { money }: OpgNode,
  before: Purse,
  narrator: Narrator,
): Promise<{ readonly deposited: bigint; readonly etherSpent: bigint }> {
  const channels = money?.payer.ledger.channels() ?? []
  const after = await readPurse(devnet, before.payer)
  const [deposited, etherSpent] = [before.opg - after.opg, before.ether - after.ether]
  for (const { id, config } of channels) {
    const { balance } = (await money?.payer.look(id)) ?? { balance: 0n }
    narrator.tell(`channel ${short(id)} with ${short(config.receiverAuthorizer)} holds ${balance} wei`)
  }
  narrator.check(
    `${channels.length} channels were opened with ${deposited} wei, and the payer's ether did not move`,
    channels.length > 0 && deposited > 0n && etherSpent === 0n,
  )
  return { deposited, etherSpent }
}

/** The provider claims what accepted jobs cost; its splitter divides it 80 to 20, to the wei (R24). */
export async function checkClaim(
  devnet: Devnet,
  { parts }: OpgNode,
  { provider, fees }: { readonly provider: string; readonly fees: bigint },
  narrator: Narrator,
): Promise<DemoPayments['claim']> {
  const { operator, home } = devnet.node(provider)
  const [{ splitter }, { payout }] = await Promise.all([
    readEarnings(parts.chain, operator),
    readStakeAccount(parts.chain, operator),
  ])
  if (payout === undefined) throw new RangeError(`${provider} is not registered`)
  const parties = [payout, devnet.network.contracts.rewardDistributor] as const
  const balances = (): Promise<bigint[]> => Promise.all(parties.map((party) => balanceOf(devnet, party)))
  const before = await balances()
  const { rows, claimed, transaction, distribution } = await claimNow(home)
  const after = await balances()
  const [paidOut = 0n, shared = 0n] = after.map((balance, index) => balance - (before[index] ?? 0n))
  narrator.tell(`${provider} claimed ${claimed} wei of ${rows} channels, transaction ${short(transaction ?? 'none')}`)
  narrator.tell(`splitter ${short(splitter)} paid out, transaction ${short(distribution ?? 'none')}`)
  narrator.tell(`provider ${short(payout)}: ${paidOut} wei; network: ${shared} wei`)
  const split = splitFee(fees)
  narrator.check(`the claim is the sum of the fees of the accepted jobs, ${fees} wei`, BigInt(claimed) === fees)
  narrator.check(
    `the provider has 80 % and the network 20 % of it, to the wei (${split.provider} and ${split.network})`,
    paidOut === split.provider && shared === split.network,
  )
  return { transaction, distribution, provider: `${paidOut}`, network: `${shared}` }
}

/** R26: what the committee did not accept is not owed. */
export async function checkNothingOwed(devnet: Devnet, provider: string, narrator: Narrator): Promise<void> {
  const { rows, claimed } = await claimNow(devnet.node(provider).home)
  narrator.check(`${provider}, whose answer was rejected, has nothing to claim`, rows === 0 && claimed === '0')
}

const claimNow = async (home: Parameters<typeof askControl>[0]): Promise<ClaimAnswer> =>
  (await askControl(home, 'POST', '/claim', CLAIM_TIMEOUT_MS)) as ClaimAnswer

export const paymentsOf = (
  purse: Purse,
  spent: { readonly deposited: bigint; readonly etherSpent: bigint },
  accepted: readonly RequestAnswer[],
  claim: DemoPayments['claim'],
): DemoPayments => ({
  payer: purse.payer,
  deposited: `${spent.deposited}`,
  payerEtherSpent: `${spent.etherSpent}`,
  jobs: accepted.map((answer) => ({
    jobId: answer.jobId,
    fee: `${answer.receipt.receipt.fee}`,
    slice: `${sliceOfAnswer(answer)}`,
    authorized: `${answer.payment?.authorized ?? 0n}`,
  })),
  fees: `${feesOf(accepted)}`,
  claim,
})

export const feesOf = (accepted: readonly RequestAnswer[]): bigint =>
  accepted.reduce((sum, { receipt }) => sum + receipt.receipt.fee, 0n)
