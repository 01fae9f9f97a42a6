import { encodeFunctionData, type Hex } from 'viem'
import { multicall, readContract } from 'viem/actions'
import type { Address, ChannelConfig, ClaimRow, Digest } from '../protocol/index.ts'
import { type BlockRef, type BlockTag, fetchBlock } from './blocks.ts'
import type { ChainClient } from './client.ts'
import { CHANNELS_OF_A_READ } from './constants.ts'
import { feeSplitterAbi, paymentChannelsAbi } from './contracts.ts'
import { ChainError } from './errors.ts'
import { CANONICAL } from './genesis.ts'
import type { NetworkContracts } from './networkFile.ts'
import type { RpcClient } from './rpc.ts'
import type { Call } from './transactions.ts'

/** A channel as the contract books it. Amounts in the token's smallest unit. */
export interface ChannelState {
  /** Deposits less refunds and withdrawals; what was claimed stays in it. */
  readonly balance: bigint
  readonly totalClaimed: bigint
  /** `initiatedAt` in s since 1970; it pays after the channel's `withdrawDelay`. */
  readonly pendingWithdrawal: { readonly amount: bigint; readonly initiatedAt: number } | undefined
  readonly refundNonce: bigint
}

/** Channels as of one block, in the order asked. */
export interface ChannelsAt {
  readonly block: BlockRef
  readonly states: readonly ChannelState[]
}

/** What one receiver has claimed over all channels of a token, and was paid. */
export interface ReceiverState {
  readonly totalClaimed: bigint
  readonly totalSettled: bigint
}

type Reader = Pick<ChainClient, 'query' | 'network'>
type ReadTag = Exclude<BlockTag, 'earliest'>

const contractOf = ({ paymentChannels }: NetworkContracts) =>
  ({ address: paymentChannels, abi: paymentChannelsAbi }) as const

/** One channel and the block it was read at; one nobody deposited into is empty. Throws ChainError. */
export async function readChannel(
  chain: Reader,
  channelId: Digest,
  at: ReadTag,
): Promise<ChannelState & { readonly block: BlockRef }> {
  const { block, states } = await readChannels(chain, [channelId], at)
  return { ...(states[0] as ChannelState), block }
}

/**
 * Many channels, all at one block: what is read is of that hash, or fails when the chain leaves it meanwhile. Throws
 * ChainError.
 */
export async function readChannels(chain: Reader, channelIds: readonly Digest[], at: ReadTag): Promise<ChannelsAt> {
  const contract = contractOf(chain.network.contracts)
  return await chain.query(async (client) => {
    const block = await fetchBlock(client, { tag: at })
    if (block === undefined) throw noBlock(at)
    const states: ChannelState[] = []
    for (let from = 0; from < channelIds.length; from += CHANNELS_OF_A_READ) {
      states.push(
        ...(await readStates(client, contract, channelIds.slice(from, from + CHANNELS_OF_A_READ), block.hash)),
      )
    }
    return { block, states }
  })
}

async function readStates(
  client: RpcClient,
  contract: ReturnType<typeof contractOf>,
  channelIds: readonly Digest[],
  blockHash: Digest,
): Promise<ChannelState[]> {
  const options = { multicallAddress: CANONICAL.multicall3, allowFailure: false, batchSize: 0, blockHash } as const
  const [channels, pending, nonces] = await Promise.all([
    multicall(client, {
      ...options,
      contracts: channelIds.map((id) => ({ ...contract, functionName: 'channels', args: [id] }) as const),
    }),
    multicall(client, {
      ...options,
      contracts: channelIds.map((id) => ({ ...contract, functionName: 'pendingWithdrawals', args: [id] }) as const),
    }),
    multicall(client, {
      ...options,
      contracts: channelIds.map((id) => ({ ...contract, functionName: 'refundNonce', args: [id] }) as const),
    }),
  ])
  return channels.map(([balance, totalClaimed], index) => {
    const [amount, initiatedAt] = pending[index] ?? [0n, 0]
    return {
      balance,
      totalClaimed,
      pendingWithdrawal: initiatedAt === 0 ? undefined : { amount, initiatedAt },
      refundNonce: nonces[index] ?? 0n,
    }
  })
}

const noBlock = (at: ReadTag): ChainError =>
  new ChainError(
    { code: 'rpc-failed', method: 'eth_getBlockByNumber', rpcCode: undefined },
    `expected the ${at} block, got none; the endpoint is not ready`,
  )

/** What exceeds `totalSettled` is paid by the next `settle`, or `distribute` of a splitter. Throws ChainError. */
export async function readReceiver(chain: Reader, receiver: Address, token: Address): Promise<ReceiverState> {
  const [totalClaimed, totalSettled] = await chain.query((client) =>
    readContract(client, {
      ...contractOf(chain.network.contracts),
      functionName: 'receivers',
      args: [receiver, token],
    }),
  )
  return { totalClaimed, totalSettled }
}

/** Sent by anyone: `collectorData` is what the payer signed, as the collector reads it. */
export const depositCall = (
  { paymentChannels }: NetworkContracts,
  config: ChannelConfig,
  amount: bigint,
  collector: Address,
  collectorData: Hex,
): Call => ({
  to: paymentChannels,
  data: encodeFunctionData({
    abi: paymentChannelsAbi,
    functionName: 'deposit',
    args: [config, amount, collector, collectorData],
  }),
})

/** Rows of one claim through a splitter (`FeeSplitter.MAX_ROWS`). */
export const MAX_CLAIM_ROWS = 256

function abiRows(rows: readonly ClaimRow[]) {
  if (rows.length === 0 || rows.length > MAX_CLAIM_ROWS) {
    throw new RangeError(`expected 1 to ${MAX_CLAIM_ROWS} rows of a claim, got ${rows.length}`)
  }
  return rows.map(({ config, voucher, totalClaimed }) => ({
    voucher: { channel: config, maxClaimableAmount: voucher.amount },
    signature: voucher.signature,
    totalClaimed,
  }))
}

/** Sent by the operator (R25): a row that fails hurts no other. Throws RangeError on no rows or too many. */
export const claimCall = (splitter: Address, rows: readonly ClaimRow[]): Call => ({
  to: splitter,
  data: encodeFunctionData({ abi: feeSplitterAbi, functionName: 'claim', args: [abiRows(rows)] }),
})

/** To the channels themselves, all or nothing: tells why a row is refused. */
export const claimDirectlyCall = ({ paymentChannels }: NetworkContracts, rows: readonly ClaimRow[]): Call => ({
  to: paymentChannels,
  data: encodeFunctionData({ abi: paymentChannelsAbi, functionName: 'claim', args: [abiRows(rows)] }),
})

/** Sent by anyone, a watch-tower: `signature` is the operator's of the `ClaimBatch` of these rows. */
export const claimWithSignatureCall = (splitter: Address, rows: readonly ClaimRow[], signature: Hex): Call => ({
  to: splitter,
  data: encodeFunctionData({
    abi: feeSplitterAbi,
    functionName: 'claimWithSignature',
    args: [abiRows(rows), signature],
  }),
})

/** Sent by the payer or its authorizer: starts the timed exit. */
export const initiateWithdrawCall = (
  { paymentChannels }: NetworkContracts,
  config: ChannelConfig,
  amount: bigint,
): Call => ({
  to: paymentChannels,
  data: encodeFunctionData({ abi: paymentChannelsAbi, functionName: 'initiateWithdraw', args: [config, amount] }),
})

/** Sent by the payer or its authorizer, `withdrawDelay` later. */
export const finalizeWithdrawCall = ({ paymentChannels }: NetworkContracts, config: ChannelConfig): Call => ({
  to: paymentChannels,
  data: encodeFunctionData({ abi: paymentChannelsAbi, functionName: 'finalizeWithdraw', args: [config] }),
})

/** Sent by the receiver's authorizer: pays back to the payer at once, at most what is not claimed. */
export const refundCall = ({ paymentChannels }: NetworkContracts, config: ChannelConfig, amount: bigint): Call => ({
  to: paymentChannels,
  data: encodeFunctionData({ abi: paymentChannelsAbi, functionName: 'refund', args: [config, amount] }),
})

/** Sent by anyone: `signature` is the receiver's authorizer's, of the channel's present `refundNonce`. */
export const refundWithSignatureCall = (
  { paymentChannels }: NetworkContracts,
  config: ChannelConfig,
  { amount, nonce, signature }: { readonly amount: bigint; readonly nonce: bigint; readonly signature: Hex },
): Call => ({
  to: paymentChannels,
  data: encodeFunctionData({
    abi: paymentChannelsAbi,
    functionName: 'refundWithSignature',
    args: [config, amount, nonce, signature],
  }),
})
