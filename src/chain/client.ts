import { readContract } from 'viem/actions'
import {
  type Address,
  type Batch,
  type Checkpoint,
  type Clock,
  type Digest,
  fail,
  networkIdOf,
  ok,
  parametersOf,
  type Result,
  type SeatStake,
  type Signature,
} from '../protocol/index.ts'
import { type AnchoredBatch, anchorCall, BatchReader, forceCall } from './batches.ts'
import { BlockFollower, type BlockRef, fetchBlock, type Reorg, type Unsubscribe } from './blocks.ts'
import { BlockTimes } from './blockTimes.ts'
import { ChannelFollower, type ChannelWatch } from './channelEvents.ts'
import { CommitteeReader, type Ensured, type SigningSet } from './committee.ts'
import { INCLUSION_TIMEOUT_MS, MAX_BACKOFF_MS, MAX_CACHED_EPOCHS, MAX_ENDPOINTS, POLL_MS } from './constants.ts'
import { asChainError, batchAnchorAbi, committeeAbi, type RoleName, stakeManagerAbi } from './contracts.ts'
import { epochAt, epochStart } from './epochs.ts'
import { ChainError } from './errors.ts'
import { type ForcedCheckpoint, ForcedReader } from './forced.ts'
import type { NetworkFile } from './networkFile.ts'
import { profileProblem } from './profile.ts'
import { createRpc, type Rpc, type RpcClient } from './rpc.ts'
import { StakeReader } from './stakes.ts'
import { type Call, type SendOptions, type Sent, TransactionSender, type TransactionSigner } from './transactions.ts'

/** How deep something is on chain (R22): `safe` starts clocks, `finalized` makes final. */
export type Confidence = 'head' | 'safe' | 'finalized'

export interface WaitOptions extends SendOptions {
  readonly confidence?: Confidence
}

/** One network's chain as a node sees it. Reads throw ChainError; what is sent returns it as a result. */
export interface ChainClient {
  readonly network: NetworkFile
  /**
   * Refuses to follow what is not this network (R2): throws `foreign-chain-id`, `foreign-network-id`,
   * `profile-mismatch`, `rpc-unreachable`, `rpc-disagreement`.
   */
  start(): Promise<void>
  stop(): Promise<void>

  head(): BlockRef
  safe(): BlockRef
  finalized(): BlockRef
  /** The chain's time now, ms since 1970: the head's timestamp and what has passed since. */
  chainNow(): number
  /** How deep a block is, or undefined when it is not canonical or not known yet. */
  confidenceOf(block: { readonly number: number; readonly hash: Digest }): Promise<Confidence | undefined>
  blockByNumber(number: number): Promise<BlockRef | undefined>
  /** Last block with a timestamp of at most `ms`; undefined before the network's first block. */
  blockAtTime(ms: number): Promise<BlockRef | undefined>
  /** Every canonical block in order; of a long gap only its last 64. */
  onBlock(handler: (block: BlockRef) => void): Unsubscribe
  onReorg(handler: (reorg: Reorg) => void): Unsubscribe

  /** The epoch in which `ms` falls; `chainNow()` unless given. */
  epochAt(ms?: number): number
  /** First millisecond of an epoch. */
  epochStart(epoch: number): number
  /** R13: the first block `seatDelay` into the epoch; undefined until it is there. */
  seedBlock(epoch: number): Promise<BlockRef | undefined>
  /** R13: its hash, from which the epoch's work seats are drawn. */
  epochSeed(epoch: number): Promise<Digest | undefined>

  /** Everyone whose stake in the role counts in `epoch`, as of its seed block, by address; undefined until that is there. */
  stakes(role: RoleName, epoch: number): Promise<readonly SeatStake[] | undefined>
  verifiers(epoch: number): Promise<readonly SeatStake[] | undefined>
  providers(epoch: number): Promise<readonly SeatStake[] | undefined>
  settlers(epoch: number): Promise<readonly SeatStake[] | undefined>
  /** Wei that count in `epoch`: as things stand now for the present or a later one, else as of its seed block. */
  maturedStake(operator: Address, role: RoleName, epoch: number): Promise<bigint>

  signingSet(epoch: number): Promise<SigningSet | undefined>
  isOpen(epoch: number): Promise<boolean>
  ensureOpened(epoch: number): Promise<Result<Ensured, ChainError>>
  ensureSeated(operator: Address): Promise<Result<Ensured, ChainError>>

  /** Sends any call from the client's account, for example one of the staking calls. */
  send(call: Call, options?: SendOptions): Promise<Result<Sent, ChainError>>

  lastBatch(): Promise<{ readonly number: number; readonly digest: Digest }>
  batch(number: number): Promise<AnchoredBatch | undefined>
  /** Batches anchored from now on, in order; one that a reorganisation moved comes again. */
  onAnchored(handler: (anchored: AnchoredBatch) => void): Unsubscribe
  /** `signatures` of the batch digest by ascending seat of `bitmap`. A lost race is `reverted` with `WrongNumber`. */
  anchor(
    batch: Batch,
    bitmap: bigint,
    signatures: readonly Signature[],
    options?: SendOptions,
  ): Promise<Result<Sent, ChainError>>
  /** Waits until anybody has anchored batch `number` so deep; fails with `not-anchored`. */
  waitAnchored(number: number, options?: WaitOptions): Promise<Result<AnchoredBatch, ChainError>>
  /** Tells what happens to payment channels, and takes back what a reorganisation undid (R22, R24, R25). */
  followChannels(watch: ChannelWatch): Unsubscribe
  /** Runs reads on an endpoint that answers. Throws ChainError. */
  query<T>(action: (client: RpcClient) => Promise<T>): Promise<T>

  /** R20: puts a signed checkpoint on chain, which later batches must include. */
  force(checkpoint: Checkpoint, signature: Signature, options?: SendOptions): Promise<Result<Sent, ChainError>>
  /** R20: every checkpoint forced so far, anchored since or not, oldest first. */
  forced(): Promise<readonly ForcedCheckpoint[]>
}

export interface ChainComponents {
  readonly clock: Clock
  /** Pays for and signs transactions; without it the client only reads. */
  readonly signer?: TransactionSigner
  /** Outages, disagreements and what handlers throw, each once while it lasts. */
  readonly onFault: (error: Error) => void
}

export interface ChainInit {
  readonly network: NetworkFile
  /** HTTP endpoints of the chain: one, or, where the operator does not run it, two that are independent (R7). */
  readonly rpc: readonly string[]
  /** Between two looks at the head, ms; the profile's unless given. */
  readonly pollMs?: number
}

interface SeededStakes {
  readonly seed: Digest
  readonly stakes: readonly SeatStake[]
}

class ViemChainClient implements ChainClient {
  readonly network: NetworkFile
  readonly #rpc: Rpc
  readonly #blocks: BlockFollower
  readonly #onFault: (error: Error) => void
  readonly #times: BlockTimes
  readonly #stakeReader: StakeReader
  readonly #committee: CommitteeReader
  readonly #batches: BatchReader
  readonly #forced: ForcedReader
  readonly #sender: TransactionSender | undefined
  readonly #seatDelay: number
  readonly #stakes = new Map<string, SeededStakes>()

  constructor(components: ChainComponents, { network, rpc: urls, pollMs = POLL_MS[network.profile] }: ChainInit) {
    const { clock, signer, onFault } = components
    if (urls.length === 0 || urls.length > MAX_ENDPOINTS) {
      throw new RangeError(`expected 1 to ${MAX_ENDPOINTS} chain endpoints, got ${urls.length}`)
    }
    const rpc = createRpc(urls)
    const blocks = new BlockFollower({ rpc, clock, onFault }, { pollMs, maxBackoffMs: MAX_BACKOFF_MS[network.profile] })
    this.network = network
    this.#rpc = rpc
    this.#blocks = blocks
    this.#onFault = onFault
    this.#times = new BlockTimes({ rpc, blocks }, network.deploymentBlock)
    this.#stakeReader = new StakeReader(rpc, network)
    this.#committee = new CommitteeReader({ rpc, blocks }, network.contracts)
    this.#batches = new BatchReader({ rpc, blocks, onFault }, network)
    this.#forced = new ForcedReader({ rpc, blocks }, network)
    this.#seatDelay = parametersOf(network.profile).seatDelay
    if (signer !== undefined) {
      this.#sender = new TransactionSender({ rpc, blocks, clock }, { chainId: network.chainId, signer })
    }
    blocks.onReorg((reorg) => this.#drop(reorg))
    blocks.onHead(() => this.#batches.follow())
    blocks.onHead(async () => await this.#sender?.follow())
  }

  async start(): Promise<void> {
    try {
      await this.#assertChain()
      await this.#assertNetwork()
      await this.#blocks.start()
      this.#batches.start()
    } catch (error) {
      throw asChainError('start', error)
    }
  }

  async stop(): Promise<void> {
    this.#sender?.stop()
    await this.#blocks.stop()
  }

  head(): BlockRef {
    return this.#blocks.head
  }

  safe(): BlockRef {
    return this.#blocks.safe
  }

  finalized(): BlockRef {
    return this.#blocks.finalized
  }

  chainNow(): number {
    return this.#blocks.now()
  }

  async confidenceOf(block: { readonly number: number; readonly hash: Digest }): Promise<Confidence | undefined> {
    const canonical = await this.blockByNumber(block.number)
    if (canonical?.hash !== block.hash) return undefined
    if (block.number <= this.finalized().number) return 'finalized'
    return block.number <= this.safe().number ? 'safe' : 'head'
  }

  blockByNumber(number: number): Promise<BlockRef | undefined> {
    return this.#read('eth_getBlockByNumber', () => this.#times.byNumber(number))
  }

  blockAtTime(ms: number): Promise<BlockRef | undefined> {
    return this.#read('eth_getBlockByNumber', () => this.#times.atTime(ms))
  }

  onBlock(handler: (block: BlockRef) => void): Unsubscribe {
    return this.#blocks.onBlock(handler)
  }

  onReorg(handler: (reorg: Reorg) => void): Unsubscribe {
    return this.#blocks.onReorg(handler)
  }

  epochAt(ms: number = this.chainNow()): number {
    return epochAt(this.network, ms)
  }

  epochStart(epoch: number): number {
    return epochStart(this.network, epoch)
  }

  async seedBlock(epoch: number): Promise<BlockRef | undefined> {
    const from = this.epochStart(epoch) + this.#seatDelay
    if (this.head().timestamp < from) return undefined
    const before = await this.blockAtTime(from - 1)
    return before === undefined ? undefined : await this.blockByNumber(before.number + 1)
  }

  async epochSeed(epoch: number): Promise<Digest | undefined> {
    return (await this.seedBlock(epoch))?.hash
  }

  async stakes(role: RoleName, epoch: number): Promise<readonly SeatStake[] | undefined> {
    const seed = await this.seedBlock(epoch)
    if (seed === undefined || epochAt(this.network, seed.timestamp) !== epoch) return undefined
    const key = `${role} ${epoch}`
    const cached = this.#stakes.get(key)
    if (cached?.seed === seed.hash) return cached.stakes
    const stakes = await this.#read('eth_call', () => this.#stakeReader.at(role, epoch, seed))
    if ((await this.blockByNumber(seed.number))?.hash !== seed.hash) return await this.stakes(role, epoch)
    this.#stakes.set(key, { seed: seed.hash, stakes })
    for (const oldest of this.#stakes.keys()) {
      if (this.#stakes.size <= MAX_CACHED_EPOCHS) break
      this.#stakes.delete(oldest)
    }
    return stakes
  }

  verifiers(epoch: number): Promise<readonly SeatStake[] | undefined> {
    return this.stakes('verifier', epoch)
  }

  providers(epoch: number): Promise<readonly SeatStake[] | undefined> {
    return this.stakes('provider', epoch)
  }

  settlers(epoch: number): Promise<readonly SeatStake[] | undefined> {
    return this.stakes('settler', epoch)
  }

  async maturedStake(operator: Address, role: RoleName, epoch: number): Promise<bigint> {
    if (epoch >= epochAt(this.network, this.head().timestamp)) {
      try {
        return await this.#read('eth_call', () => this.#stakeReader.matured(operator, role, epoch))
      } catch (error) {
        const isOver =
          error instanceof ChainError && error.detail.code === 'reverted' && error.detail.error === 'EpochOver'
        if (!isOver) throw error
      }
    }
    const stakes = await this.stakes(role, epoch)
    return stakes?.find((stake) => stake.operator === operator)?.weight ?? 0n
  }

  signingSet(epoch: number): Promise<SigningSet | undefined> {
    return this.#read('eth_call', () => this.#committee.signingSet(epoch))
  }

  isOpen(epoch: number): Promise<boolean> {
    return this.#read('eth_call', () => this.#committee.isOpen(epoch))
  }

  ensureOpened(epoch: number): Promise<Result<Ensured, ChainError>> {
    return this.#send((sender) => this.#committee.ensureOpened(epoch, sender))
  }

  ensureSeated(operator: Address): Promise<Result<Ensured, ChainError>> {
    return this.#send((sender) => this.#committee.ensureSeated(operator, sender))
  }

  send(call: Call, options: SendOptions = {}): Promise<Result<Sent, ChainError>> {
    return this.#send((sender) => sender.send(call, options))
  }

  async query<T>(action: (client: RpcClient) => Promise<T>): Promise<T> {
    try {
      return await this.#rpc.run(action)
    } catch (error) {
      throw asChainError('eth_call', error)
    }
  }

  lastBatch(): Promise<{ readonly number: number; readonly digest: Digest }> {
    return this.#read('eth_call', () => this.#batches.last())
  }

  batch(number: number): Promise<AnchoredBatch | undefined> {
    return this.#read('eth_getLogs', () => this.#batches.get(number))
  }

  onAnchored(handler: (anchored: AnchoredBatch) => void): Unsubscribe {
    return this.#batches.onAnchored(handler)
  }

  followChannels(watch: ChannelWatch): Unsubscribe {
    const follower = new ChannelFollower(
      { rpc: this.#rpc, blocks: this.#blocks, onFault: this.#onFault },
      this.network,
      watch,
    )
    const unfollow = this.#blocks.onHead(() => follower.follow())
    const undrop = this.#blocks.onReorg((reorg) => follower.drop(reorg))
    return () => {
      unfollow()
      undrop()
    }
  }

  anchor(
    batch: Batch,
    bitmap: bigint,
    signatures: readonly Signature[],
    options: SendOptions = {},
  ): Promise<Result<Sent, ChainError>> {
    return this.send(anchorCall(this.network.contracts.batchAnchor, batch, bitmap, signatures), options)
  }

  force(checkpoint: Checkpoint, signature: Signature, options: SendOptions = {}): Promise<Result<Sent, ChainError>> {
    return this.send(forceCall(this.network.contracts.batchAnchor, checkpoint, signature), options)
  }

  forced(): Promise<readonly ForcedCheckpoint[]> {
    return this.#read('eth_getLogs', () => this.#forced.all())
  }

  waitAnchored(
    number: number,
    { confidence = 'head', timeoutMs = INCLUSION_TIMEOUT_MS }: WaitOptions = {},
  ): Promise<Result<AnchoredBatch, ChainError>> {
    const wanted = CONFIDENCES.indexOf(confidence)
    const { promise, resolve } = Promise.withResolvers<Result<AnchoredBatch, ChainError>>()
    const look = async (): Promise<void> => {
      const anchored = await this.batch(number)
      if (anchored === undefined) return
      const reached = await this.confidenceOf({ number: anchored.blockNumber, hash: anchored.blockHash })
      if (reached !== undefined && CONFIDENCES.indexOf(reached) >= wanted) resolve(ok(anchored))
    }
    const unsubscribe = this.#blocks.onHead(look)
    const timer = setTimeout(() => {
      const detail = { code: 'not-anchored', number, afterMs: timeoutMs } as const
      resolve(fail(new ChainError(detail, `expected batch ${number} ${confidence} within ${timeoutMs} ms, it is not`)))
    }, timeoutMs)
    look().catch((error) => resolve(fail(asChainError('eth_getLogs', error))))
    return promise.finally(() => {
      clearTimeout(timer)
      unsubscribe()
    })
  }

  #drop(reorg: Reorg): void {
    this.#times.drop(reorg)
    this.#committee.drop(reorg)
    this.#batches.drop(reorg)
    this.#forced.drop(reorg)
    this.#sender?.drop(reorg)
  }

  async #read<T>(method: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      throw asChainError(method, error)
    }
  }

  async #send<T>(
    action: (sender: TransactionSender) => Promise<Result<T, ChainError>>,
  ): Promise<Result<T, ChainError>> {
    if (this.#sender !== undefined) return await action(this.#sender)
    return fail(new ChainError({ code: 'no-signer' }, 'expected an account that pays for transactions; configure one'))
  }

  /** R2: every endpoint serves the chain of the file, and profile and genesis fit it. */
  async #assertChain(): Promise<void> {
    const { chainId: expected, profile } = this.network
    for (const { endpoint, chainId: got } of await this.#rpc.chainIds()) {
      if (got === expected) continue
      throw new ChainError(
        { code: 'foreign-chain-id', expected, got, endpoint },
        `expected chain id ${expected}, ${endpoint} serves ${got}; check the endpoint and the network file`,
      )
    }
    const genesis = await this.#rpc.run((client) => fetchBlock(client, { tag: 'earliest' }))
    const problem = profileProblem(profile, expected, genesis?.hash ?? '0x')
    if (problem !== undefined) throw problem
  }

  /** R2: the contracts there are this network's, and wired to each other. */
  async #assertNetwork(): Promise<void> {
    const { networkId, chainId, contracts, deploymentBlock } = this.network
    const { stakeManager, committee, batchAnchor, opg } = contracts
    const birth = await this.#rpc.run((client) => fetchBlock(client, { number: deploymentBlock }))
    if (birth === undefined) throw this.#foreign(`no block ${deploymentBlock}`)
    const computed = networkIdOf({ chainId, stakeManager, deploymentParentHash: birth.parentHash })
    if (computed !== networkId) throw this.#foreign(computed)
    try {
      const abi = stakeManagerAbi
      const [stored, genesis, epochLength, token, staked, anchored] = await this.#rpc.run((client) =>
        Promise.all([
          readContract(client, { address: stakeManager, abi, functionName: 'networkId' }),
          readContract(client, { address: stakeManager, abi, functionName: 'genesisTimestamp' }),
          readContract(client, { address: stakeManager, abi, functionName: 'epochLength' }),
          readContract(client, { address: stakeManager, abi, functionName: 'token' }),
          readContract(client, { address: committee, abi: committeeAbi, functionName: 'stakeManager' }),
          readContract(client, { address: batchAnchor, abi: batchAnchorAbi, functionName: 'committee' }),
        ]),
      )
      const seen = [stored, genesis, epochLength, token, staked, anchored].map((each) => String(each).toLowerCase())
      const { genesisTimestamp, epochSeconds } = this.network
      const named = [networkId, genesisTimestamp, epochSeconds, opg, stakeManager, committee].map(String)
      const differing = named.findIndex((each, index) => each !== seen[index])
      if (differing >= 0) throw this.#foreign(`${seen[differing]} instead of ${named[differing]}`)
    } catch (error) {
      if (error instanceof ChainError) throw error
      throw this.#foreign(asChainError('eth_call', error).message)
    }
  }

  #foreign(got: string): ChainError {
    return new ChainError(
      { code: 'foreign-network-id', expected: this.network.networkId, got },
      `expected network ${this.network.networkId}, got ${got}; the network file is of another network`,
    )
  }
}

const CONFIDENCES: readonly Confidence[] = ['head', 'safe', 'finalized']

/** A client of one network's chain; nothing is asked before `start()`. */
export const createChainClient = (components: ChainComponents, init: ChainInit): ChainClient =>
  new ViemChainClient(components, init)
