import {
  formatLog,
  type Hex,
  numberToHex,
  type ParseEventLogsReturnType,
  parseEventLogs,
  type RpcLog,
  toEventSelector,
} from 'viem'
import { type Address, type Digest, toError } from '../protocol/index.ts'
import { type BlockFollower, fetchBlock, type Reorg } from './blocks.ts'
import { BLOCK_WINDOW, CHANNELS_OF_A_FILTER, LOG_RANGE } from './constants.ts'
import { paymentChannelsAbi } from './contracts.ts'
import type { NetworkFile } from './networkFile.ts'
import type { Rpc, RpcClient } from './rpc.ts'
import { toSafeNumber } from './structs.ts'

/** What happened to a channel. Amounts in the token's smallest unit, times in s since 1970. */
type ChannelChange =
  | { readonly type: 'deposited'; readonly amount: bigint; readonly balance: bigint }
  | { readonly type: 'claimed'; readonly amount: bigint; readonly totalClaimed: bigint }
  | { readonly type: 'refunded'; readonly amount: bigint }
  | { readonly type: 'withdraw-initiated'; readonly amount: bigint; readonly finalizeAfter: number }
  | { readonly type: 'withdraw-finalized'; readonly amount: bigint }

/** A change, and where on chain it stands. */
export type ChannelEvent = ChannelChange & {
  readonly channelId: Digest
  readonly blockNumber: number
  readonly blockHash: Digest
  readonly transaction: Digest
  readonly logIndex: number
}

/** Who follows channels. What a handler throws is reported as a fault, and stops no other. */
export interface ChannelWatch {
  /** Channels of interest, asked anew at every head. What was before one was named is read by `readChannels`. */
  channels(): Iterable<Digest>
  /** Each event once, in the order of the chain; of a transaction that moved to another block again. */
  onEvent(event: ChannelEvent): void
  /** An event that was told is undone, its block left the chain (R22, R24): newest first, before what replaces it. */
  onRetracted(event: ChannelEvent): void
  /** First block of interest; the one after the present head unless given. */
  readonly from?: number
}

const EVENT_NAMES = ['Deposited', 'Claimed', 'Refunded', 'WithdrawInitiated', 'WithdrawFinalized'] as const
const SELECTORS: readonly Hex[] = paymentChannelsAbi
  .filter((item) => item.type === 'event')
  .filter(({ name }) => (EVENT_NAMES as readonly string[]).includes(name))
  .map((event) => toEventSelector(event))

interface Components {
  readonly rpc: Rpc
  readonly blocks: BlockFollower
  readonly onFault: (error: Error) => void
}

/**
 * Tells what happens to channels, block by block, and takes back what a reorganisation undid. What it told stays known as
 * long as blocks do (`BLOCK_WINDOW`); after a deeper reorganisation it reads from the first block of interest again.
 */
export class ChannelFollower {
  readonly #c: Components
  readonly #contract: Address
  readonly #watch: ChannelWatch
  readonly #from: number
  #cursor: number
  #told: ChannelEvent[] = []

  constructor(components: Components, { contracts }: NetworkFile, watch: ChannelWatch) {
    this.#c = components
    this.#contract = contracts.paymentChannels
    this.#watch = watch
    this.#from = watch.from ?? components.blocks.head.number + 1
    this.#cursor = this.#from - 1
  }

  /** Takes back what the blocks after the fork told. */
  drop({ fork }: Reorg): void {
    this.#cursor = Math.min(this.#cursor, Math.max(fork, this.#from - 1))
    for (let last = this.#told.at(-1); last !== undefined && last.blockNumber > fork; last = this.#told.at(-1)) {
      this.#told.pop()
      this.#call(this.#watch.onRetracted, last)
    }
  }

  /** Tells what the blocks since the last call hold. */
  async follow(): Promise<void> {
    const { head } = this.#c.blocks
    while (this.#cursor < head.number) {
      const from = this.#cursor + 1
      const to = Math.min(head.number, this.#cursor + LOG_RANGE)
      const events = await this.#c.rpc.run((client) => this.#read(client, from, to))
      if (events === undefined) return
      this.#cursor = to
      for (const event of events) {
        this.#told.push(event)
        this.#call(this.#watch.onEvent, event)
      }
    }
    const forgotten = this.#told.findIndex(({ blockNumber }) => blockNumber > head.number - BLOCK_WINDOW)
    if (forgotten !== 0) this.#told = forgotten < 0 ? [] : this.#told.slice(forgotten)
  }

  /** Undefined when the endpoint's blocks are no longer, or not yet, those that are followed. */
  async #read(client: RpcClient, from: number, to: number): Promise<ChannelEvent[] | undefined> {
    const channelIds = [...new Set(this.#watch.channels())]
    if (channelIds.length === 0) return []
    const logs: RpcLog[] = []
    for (let at = 0; at < channelIds.length; at += CHANNELS_OF_A_FILTER) {
      const ids = channelIds.slice(at, at + CHANNELS_OF_A_FILTER)
      logs.push(...(await this.#fetch(client, ids, from, to)))
    }
    const events = logs.map(toChannelEvent).sort(byPlace)
    const { blocks } = this.#c
    const isKnown = events.every(({ blockNumber, blockHash }) => {
      const known = blocks.known(blockNumber)
      return known === undefined || known.hash === blockHash
    })
    const last = await fetchBlock(client, { number: to })
    return isKnown && last?.hash === (blocks.known(to)?.hash ?? last?.hash) ? events : undefined
  }

  #fetch(client: RpcClient, channelIds: readonly Digest[], from: number, to: number): Promise<readonly RpcLog[]> {
    const [fromBlock, toBlock] = [numberToHex(from), numberToHex(to)]
    const topics = [[...SELECTORS], [...channelIds]]
    return client.request({
      method: 'eth_getLogs',
      params: [{ address: this.#contract, topics, fromBlock, toBlock }],
    })
  }

  #call(handler: (event: ChannelEvent) => void, event: ChannelEvent): void {
    try {
      handler.call(this.#watch, event)
    } catch (error) {
      this.#c.onFault(toError(error))
    }
  }
}

const byPlace = (left: ChannelEvent, right: ChannelEvent): number =>
  left.blockNumber - right.blockNumber || left.logIndex - right.logIndex

function toChannelEvent(raw: RpcLog): ChannelEvent {
  const [log] = parseEventLogs({ abi: paymentChannelsAbi, eventName: [...EVENT_NAMES], logs: [formatLog(raw)] })
  if (log === undefined || log.blockHash === null || log.transactionHash === null) {
    throw new RangeError(`expected an event of a channel in a block, got topics ${raw.topics.join(', ')}`)
  }
  return {
    ...changeOf(log),
    channelId: log.args.channelId,
    blockNumber: Number(log.blockNumber),
    blockHash: log.blockHash,
    transaction: log.transactionHash,
    logIndex: toSafeNumber(log.logIndex ?? 0),
  }
}

type ChannelLog = ParseEventLogsReturnType<typeof paymentChannelsAbi, (typeof EVENT_NAMES)[number][], true>[number]

function changeOf(log: ChannelLog): ChannelChange {
  switch (log.eventName) {
    case 'Deposited':
      return { type: 'deposited', amount: log.args.amount, balance: log.args.newBalance }
    case 'Claimed':
      return { type: 'claimed', amount: log.args.claimAmount, totalClaimed: log.args.newTotalClaimed }
    case 'Refunded':
      return { type: 'refunded', amount: log.args.amount }
    case 'WithdrawInitiated':
      return { type: 'withdraw-initiated', amount: log.args.amount, finalizeAfter: log.args.finalizeAfter }
    case 'WithdrawFinalized':
      return { type: 'withdraw-finalized', amount: log.args.amount }
  }
}
