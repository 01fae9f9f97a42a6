import type { BlockFollower, BlockRef, Reorg } from './blocks.ts'
import { fetchBlock } from './blocks.ts'
import { MAX_CACHED_BLOCKS } from './constants.ts'
import type { Rpc } from './rpc.ts'

/** Canonical blocks by number and by time; what lies above a fork is forgotten. */
export class BlockTimes {
  readonly #rpc: Rpc
  readonly #blocks: BlockFollower
  readonly #first: number
  readonly #cache = new Map<number, BlockRef>()

  /** @param first the network's deployment block: nothing before it is asked for */
  constructor({ rpc, blocks }: { readonly rpc: Rpc; readonly blocks: BlockFollower }, first: number) {
    this.#rpc = rpc
    this.#blocks = blocks
    this.#first = first
  }

  drop({ fork }: Reorg): void {
    for (const number of this.#cache.keys()) if (number > fork) this.#cache.delete(number)
  }

  /** Undefined above the head. */
  async byNumber(number: number): Promise<BlockRef | undefined> {
    if (number > this.#blocks.head.number) return undefined
    const known = this.#blocks.known(number) ?? this.#cache.get(number)
    if (known !== undefined) return known
    const head = this.#blocks.head
    const block = await this.#rpc.run((client) => fetchBlock(client, { number }))
    if (block !== undefined && this.#blocks.head === head) this.#remember(block)
    return block
  }

  /** The last block with a timestamp of at most `ms`; undefined when that is before the network's first. */
  async atTime(ms: number): Promise<BlockRef | undefined> {
    const head = this.#blocks.head
    if (ms >= head.timestamp) return head
    let low = await this.byNumber(this.#first)
    if (low === undefined || ms < low.timestamp) return undefined
    let high = head
    while (high.number - low.number > 1) {
      const middle: BlockRef | undefined = await this.byNumber(Math.floor((low.number + high.number) / 2))
      if (middle === undefined) return await this.atTime(ms)
      if (middle.timestamp <= ms) low = middle
      else high = middle
    }
    return low
  }

  #remember(block: BlockRef): void {
    this.#cache.set(block.number, block)
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= MAX_CACHED_BLOCKS) break
      this.#cache.delete(oldest)
    }
  }
}
