import { type Hex, parseEventLogs, toFunctionSelector } from 'viem'
import type { Address, Digest } from '../protocol/index.ts'
import type { ChainClient } from './client.ts'
import { errorAbi, feeSplitterAbi, paymentChannelsAbi } from './contracts.ts'
import { fetchReceipt } from './rpc.ts'

/** What one claim through a splitter did. Rows of it that are in neither list had nothing left to claim. */
export interface ClaimResult {
  readonly transaction: Digest
  readonly blockNumber: number
  readonly blockHash: Digest
  readonly gasUsed: bigint
  readonly claimed: readonly BookedClaim[]
  readonly failed: readonly FailedClaim[]
}

/** Amounts in the token's smallest unit. */
export interface BookedClaim {
  readonly channelId: Digest
  /** What this claim added. */
  readonly amount: bigint
  readonly totalClaimed: bigint
}

export interface FailedClaim {
  /** Index in the rows of the call. */
  readonly row: number
  /** The contract's error by name, its selector when it is none of ours; undefined when the row gave none: no gas left. */
  readonly reason: string | undefined
}

const NO_REASON = '0x00000000'

const ERROR_NAMES: ReadonlyMap<Hex, string> = new Map(
  errorAbi.map((error) => [
    toFunctionSelector({ ...error, type: 'function', outputs: [], stateMutability: 'view' }),
    error.name,
  ]),
)

const reasonOf = (selector: Hex): string | undefined =>
  selector === NO_REASON ? undefined : (ERROR_NAMES.get(selector) ?? selector)

/** The result of a claim that was sent; undefined while it is in no block. Throws ChainError. */
export async function readClaimResult(
  chain: Pick<ChainClient, 'query' | 'network'>,
  splitter: Address,
  transaction: Digest,
): Promise<ClaimResult | undefined> {
  const receipt = await chain.query((client) => fetchReceipt(client, transaction))
  if (receipt === undefined) return undefined
  const { paymentChannels } = chain.network.contracts
  const logsOf = (address: Address) => receipt.logs.filter((log) => log.address.toLowerCase() === address)
  const claimed = parseEventLogs({ abi: paymentChannelsAbi, eventName: 'Claimed', logs: logsOf(paymentChannels) })
  const failed = parseEventLogs({ abi: feeSplitterAbi, eventName: 'ClaimFailed', logs: logsOf(splitter) })
  return {
    transaction,
    blockNumber: Number(receipt.blockNumber),
    blockHash: receipt.blockHash,
    gasUsed: receipt.gasUsed,
    claimed: claimed.map(({ args: { channelId, claimAmount, newTotalClaimed } }) => ({
      ...{ channelId, amount: claimAmount, totalClaimed: newTotalClaimed },
    })),
    failed: failed.map(({ args }) => ({ row: Number(args.row), reason: reasonOf(args.reason) })),
  }
}
