import { setTimeout as sleep } from 'node:timers/promises'
import { getBlock } from 'viem/actions'
import { type Clock, type Digest, toError } from '../protocol/index.ts'
import { BLOCK_WINDOW, MAX_BACKFILL } from './constants.ts'
import { ChainError, isChainError } from './errors.ts'
import { isMissingBlock, type Rpc, type RpcClient } from './rpc.ts'

/** One block of the canonical chain. */
export interface BlockRef {
  readonly number: number
  readonly hash: Digest
  readonly parentHash: Digest
  /** Milliseconds since 1970; blocks count whole seconds. */
  readonly timestamp: number
}

/** The chain went back to `fork`, the last block both histories share, and on to `to`. */
export interface Reorg {
  readonly from: BlockRef
  readonly to: BlockRef
  /** Blocks of the old history that are gone; a lower bound when the fork is older than the window. */
  readonly depth: number
  /** Number of the last common block; 0 when it is older than the window. */
  readonly fork: number
}

/** What an event source forgets: calling it twice is harmless. */
export type Unsubscribe = () => void

export type BlockTag = 'latest' | 'safe' | 'finalized' | 'earliest'

export interface FollowerInit {
  /** Between two looks at the head, ms. */
  readonly pollMs: number
  /** Longest pause while nothing answers, ms. */
  readonly maxBackoffMs: number
}

export interface FollowerComponents {
  readonly rpc: Rpc
  readonly clock: Clock
  /** Receives what goes wrong while following, once per change, and what handlers throw. */
  readonly onFault: (error: Error) => void
}

export async function fetchBlock(
  client: RpcClient,
  at: { readonly tag: BlockTag } | { readonly number: number },
): Promise<BlockRef | undefined> {
  try {
    const block = await getBlock(client, 'tag' in at ? { blockTag: at.tag } : { blockNumber: BigInt(at.number) })
    if (block.hash === null || block.number === null) return undefined
    return {
      number: Number(block.number),
      hash: block.hash,
      parentHash: block.parentHash,
      timestamp: Number(block.timestamp) * 1_000,
    }
  } catch (error) {
    if (isMissingBlock(error)) return undefined
    throw error
  }
}

/**
 * Follows the head by polling and keeps the last `BLOCK_WINDOW` canonical blocks. A head that is an ancestor of the
 * one known is taken for a slow endpoint, not a reorganisation: that shows in the block that replaces one.
 */
export class BlockFollower {
  readonly #rpc: Rpc
  readonly #clock: Clock
  readonly #onFault: (error: Error) => void
  readonly #init: FollowerInit
  readonly #window = new Map<number, BlockRef>()
  readonly #blockHandlers = new Set<(block: BlockRef) => void>()
  readonly #reorgHandlers = new Set<(reorg: Reorg) => void>()
  readonly #tickHandlers = new Set<() => Promise<void>>()
  readonly #abort = new AbortController()
  #head: BlockRef | undefined
  #safe: BlockRef | undefined
  #finalized: BlockRef | undefined
  #seenAt = 0
  #comparedAt = -1
  #fault: string | undefined
  #loop: Promise<void> | undefined

  constructor({ rpc, clock, onFault }: FollowerComponents, init: FollowerInit) {
    this.#rpc = rpc
    this.#clock = clock
    this.#onFault = onFault
    this.#init = init
  }

  get head(): BlockRef {
    return this.#known(this.#head)
  }

  get safe(): BlockRef {
    return this.#known(this.#safe)
  }

  get finalized(): BlockRef {
    return this.#known(this.#finalized)
  }

  /** The chain's time now, ms: the head's timestamp and what has passed since it was first seen. */
  now(): number {
    return this.head.timestamp + Math.max(0, this.#clock() - this.#seenAt)
  }

  /** The canonical block `number` if it is in the window. */
  known(number: number): BlockRef | undefined {
    return this.#window.get(number)
  }

  onBlock(handler: (block: BlockRef) => void): Unsubscribe {
    this.#blockHandlers.add(handler)
    return () => this.#blockHandlers.delete(handler)
  }

  onReorg(handler: (reorg: Reorg) => void): Unsubscribe {
    this.#reorgHandlers.add(handler)
    return () => this.#reorgHandlers.delete(handler)
  }

  /** Work that follows every new head, after its blocks were announced; the next look waits for it. */
  onHead(handler: () => Promise<void>): Unsubscribe {
    this.#tickHandlers.add(handler)
    return () => this.#tickHandlers.delete(handler)
  }

  /** Reads the first head, then follows. Throws ChainError `rpc-unreachable` or `rpc-disagreement`. */
  async start(): Promise<void> {
    if (!(await this.#look()))
      throw new ChainError(
        { code: 'rpc-failed', method: 'eth_getBlockByNumber', rpcCode: undefined },
        'expected the latest block, got none; the endpoint is not ready',
      )
    this.#loop = this.#follow()
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#loop
  }

  async #follow(): Promise<void> {
    const { pollMs, maxBackoffMs } = this.#init
    let pause = pollMs
    while (await this.#sleep(pause)) {
      try {
        if (await this.#look()) await this.#work()
        this.#fault = undefined
        pause = pollMs
      } catch (error) {
        this.#report(toError(error))
        pause = Math.min(pause * 2, maxBackoffMs)
      }
    }
  }

  /** One handler that fails keeps none from its turn. */
  async #work(): Promise<void> {
    const failures: unknown[] = []
    for (const handler of this.#tickHandlers) await handler().catch((error) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }

  async #sleep(ms: number): Promise<boolean> {
    try {
      await sleep(ms, undefined, { signal: this.#abort.signal })
      return true
    } catch (error) {
      if (this.#abort.signal.aborted) return false
      throw error
    }
  }

  /** Repeats of one fault are one report: an outage of an hour is not 18,000 lines. */
  #report(error: Error): void {
    const kind = isChainError(error) ? error.code : error.message
    if (this.#fault === kind) return
    this.#fault = kind
    this.#onFault(error)
  }

  /** Whether there was a new head. */
  async #look(): Promise<boolean> {
    if (this.#safe !== undefined) await this.#compare(this.#safe.number)
    const latest = await this.#rpc.run((client) => fetchBlock(client, { tag: 'latest' }))
    if (latest === undefined || this.#window.get(latest.number)?.hash === latest.hash) return false
    const [safe, finalized] = await this.#rpc.run((client) =>
      Promise.all([fetchBlock(client, { tag: 'safe' }), fetchBlock(client, { tag: 'finalized' })]),
    )
    if (safe !== undefined && this.#safe === undefined) await this.#compare(safe.number)
    const linked = await this.#link(latest)
    if (linked === undefined) return false
    this.#accept(latest, linked, safe, finalized)
    return true
  }

  async #compare(number: number): Promise<void> {
    if (this.#comparedAt === number) return
    if (await this.#rpc.compare(number)) this.#comparedAt = number
  }

  /** The last common block and the new ones after it; undefined when the chain moved while it was read. */
  async #link(latest: BlockRef): Promise<{ fork: number; fresh: BlockRef[] } | undefined> {
    const head = this.#head
    if (head === undefined) return { fork: latest.number - 1, fresh: [latest] }
    if (latest.number === head.number + 1 && latest.parentHash === head.hash) {
      return { fork: head.number, fresh: [latest] }
    }
    const fork = await this.#forkBelow(Math.min(head.number, latest.number))
    const from = Math.max(fork + 1, latest.number - MAX_BACKFILL + 1)
    const numbers = Array.from({ length: Math.max(0, latest.number - from) }, (_, index) => from + index)
    const between = await this.#rpc.run((client) =>
      Promise.all(numbers.map((number) => fetchBlock(client, { number }))),
    )
    const fresh = [...between, latest].filter((block) => block !== undefined)
    const first = fresh[0]
    const isLinked =
      fresh.length === numbers.length + 1 &&
      fresh.every((block, index) => index === 0 || block.parentHash === fresh[index - 1]?.hash) &&
      (from > fork + 1 || first?.parentHash === (this.#window.get(fork)?.hash ?? first?.parentHash))
    return isLinked ? { fork, fresh } : undefined
  }

  async #forkBelow(top: number): Promise<number> {
    for (let number = top; this.#window.has(number); number -= 1) {
      const block = await this.#rpc.run((client) => fetchBlock(client, { number }))
      if (block !== undefined && block.hash === this.#window.get(number)?.hash) return number
    }
    return 0
  }

  #accept(
    latest: BlockRef,
    { fork, fresh }: { fork: number; fresh: BlockRef[] },
    safe: BlockRef | undefined,
    finalized: BlockRef | undefined,
  ): void {
    const from = this.#head
    let lost = 0
    if (from !== undefined && fork < from.number) {
      for (const number of this.#window.keys()) if (number > fork) lost += this.#window.delete(number) ? 1 : 0
    }
    for (const block of fresh) this.#window.set(block.number, block)
    for (const number of this.#window.keys()) {
      if (number > latest.number - BLOCK_WINDOW) break
      this.#window.delete(number)
    }
    this.#head = latest
    this.#seenAt = this.#clock()
    this.#safe = safe ?? this.#safe ?? latest
    this.#finalized = finalized ?? this.#finalized ?? latest
    if (from !== undefined && fork < from.number) {
      const depth = fork === 0 ? lost : from.number - fork
      this.#announce(this.#reorgHandlers, { from, to: latest, depth, fork })
    }
    for (const block of fresh) this.#announce(this.#blockHandlers, block)
  }

  #announce<T>(handlers: ReadonlySet<(event: T) => void>, event: T): void {
    for (const handler of handlers) {
      try {
        handler(event)
      } catch (error) {
        this.#onFault(toError(error))
      }
    }
  }

  #known(block: BlockRef | undefined): BlockRef {
    if (block !== undefined) return block
    throw new ChainError({ code: 'not-started' }, 'expected a started chain client; call start() first')
  }
}
