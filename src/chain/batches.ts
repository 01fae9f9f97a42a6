import { encodeFunctionData, type GetLogsReturnType, type Hex } from 'viem'
import { getLogs, readContract } from 'viem/actions'
import {
  type Address,
  BATCH,
  type Batch,
  bytesToHex,
  CHECKPOINT,
  type Checkpoint,
  type Digest,
  hexToBytes,
  type Signature,
} from '../protocol/index.ts'
import type { BlockFollower, Reorg, Unsubscribe } from './blocks.ts'
import { LOG_RANGE, MAX_CACHED_BATCHES } from './constants.ts'
import { batchAnchorAbi } from './contracts.ts'
import { logsBetween } from './logs.ts'
import type { NetworkFile } from './networkFile.ts'
import { fetchReceipt, type Rpc } from './rpc.ts'
import { fromAbi, toAbi, toSafeNumber } from './structs.ts'
import type { Call } from './transactions.ts'

/** A batch on chain (R19). */
export interface AnchoredBatch {
  readonly batch: Batch
  readonly digest: Digest
  /** Bit i is seat i of the signing set of `batch.epoch`. */
  readonly signers: bigint
  readonly transaction: Digest
  readonly blockNumber: number
  readonly blockHash: Digest
  readonly gasUsed: bigint
}

const BATCH_ANCHORED = batchAnchorAbi.find((item) => item.type === 'event' && item.name === 'BatchAnchored') as Extract<
  (typeof batchAnchorAbi)[number],
  { type: 'event'; name: 'BatchAnchored' }
>

type AnchoredLog = GetLogsReturnType<typeof BATCH_ANCHORED, [typeof BATCH_ANCHORED], true>[number]

/** 64 bytes a signature: r, then s with the parity of v in its top bit (EIP-2098), in the order given. */
export function compactSignatures(signatures: readonly Signature[]): Hex {
  const packed = new Uint8Array(signatures.length * 64)
  for (const [index, signature] of signatures.entries()) {
    const bytes = hexToBytes(signature)
    const v = bytes[64]
    if (bytes.length !== 65 || (v !== 27 && v !== 28)) {
      throw new RangeError(`expected 65 bytes with v of 27 or 28, got ${bytes.length} bytes with v of ${v}`)
    }
    packed.set(bytes.subarray(0, 64), index * 64)
    if (v === 28) packed[index * 64 + 32] = (packed[index * 64 + 32] ?? 0) | 0x80
  }
  return bytesToHex(packed)
}

/** The call that anchors a batch; `signatures` by ascending seat. */
export function anchorCall(to: Address, batch: Batch, signers: bigint, signatures: readonly Signature[]): Call {
  const args = [toAbi(BATCH, batch), signers, compactSignatures(signatures)] as const
  return { to, data: encodeFunctionData({ abi: batchAnchorAbi, functionName: 'anchor', args }) }
}

/** The call that forces a checkpoint onto the chain (R20). */
export function forceCall(to: Address, checkpoint: Checkpoint, signature: Signature): Call {
  const args = [toAbi(CHECKPOINT, checkpoint), signature] as const
  return { to, data: encodeFunctionData({ abi: batchAnchorAbi, functionName: 'force', args }) }
}

/** Reads anchored batches, and follows new ones block by block; after a reorganisation from the fork on. */
export class BatchReader {
  readonly #rpc: Rpc
  readonly #blocks: BlockFollower
  readonly #network: NetworkFile
  readonly #onFault: (error: Error) => void
  readonly #handlers = new Set<(anchored: AnchoredBatch) => void>()
  readonly #cache = new Map<number, AnchoredBatch>()
  #cursor = 0

  constructor(
    components: {
      readonly rpc: Rpc
      readonly blocks: BlockFollower
      readonly onFault: (error: Error) => void
    },
    network: NetworkFile,
  ) {
    this.#rpc = components.rpc
    this.#blocks = components.blocks
    this.#onFault = components.onFault
    this.#network = network
  }

  /** Batches anchored after the present head are announced. */
  start(): void {
    this.#cursor = this.#blocks.head.number
  }

  /** A batch that comes again after a reorganisation is announced again. */
  onAnchored(handler: (anchored: AnchoredBatch) => void): Unsubscribe {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /** Forgets what a reorganisation may have undone. */
  drop({ fork }: Reorg): void {
    this.#cursor = Math.min(this.#cursor, Math.max(fork, this.#network.deploymentBlock))
    for (const [number, anchored] of this.#cache) if (anchored.blockNumber > fork) this.#cache.delete(number)
  }

  /** Announces what the blocks since the last call anchored. */
  async follow(): Promise<void> {
    const head = this.#blocks.head.number
    if (this.#cursor >= head) return
    const found = await this.#read(this.#cursor + 1, head)
    if (found === undefined) return
    this.#cursor = head
    for (const anchored of found) for (const handler of this.#handlers) this.#call(handler, anchored)
  }

  async last(): Promise<{ readonly number: number; readonly digest: Digest }> {
    const { batchAnchor } = this.#network.contracts
    return await this.#rpc.run(async (client) => {
      const number = await readContract(client, {
        address: batchAnchor,
        abi: batchAnchorAbi,
        functionName: 'lastNumber',
      })
      const digest = await readContract(client, {
        address: batchAnchor,
        abi: batchAnchorAbi,
        functionName: 'digestOf',
        args: [number],
      })
      return { number: toSafeNumber(number), digest }
    })
  }

  /** The anchored batch `number`, or undefined while there is none. */
  async get(number: number): Promise<AnchoredBatch | undefined> {
    const cached = this.#cache.get(number)
    if (cached !== undefined) return cached
    if (number < 1 || number > (await this.last()).number) return undefined
    const { deploymentBlock, contracts } = this.#network
    for (let to = this.#blocks.head.number; to >= deploymentBlock; to -= LOG_RANGE) {
      const from = Math.max(deploymentBlock, to - LOG_RANGE + 1)
      const [log] = await this.#rpc.run((client) =>
        getLogs(client, {
          address: contracts.batchAnchor,
          event: BATCH_ANCHORED,
          args: { number: BigInt(number) },
          strict: true,
          fromBlock: BigInt(from),
          toBlock: BigInt(to),
        }),
      )
      if (log !== undefined) return await this.#readLog(log)
    }
    return undefined
  }

  /** Undefined when a log is of a block that is no longer, or not yet, the one followed. */
  async #read(from: number, to: number): Promise<AnchoredBatch[] | undefined> {
    const logs = await logsBetween(this.#rpc, this.#network.contracts.batchAnchor, [BATCH_ANCHORED], from, to)
    const found: AnchoredBatch[] = []
    for (const log of logs) {
      const anchored = await this.#readLog(log)
      if (anchored === undefined) return undefined
      found.push(anchored)
    }
    return found
  }

  async #readLog(log: AnchoredLog): Promise<AnchoredBatch | undefined> {
    const blockNumber = Number(log.blockNumber)
    const known = this.#blocks.known(blockNumber)
    if (known !== undefined && known.hash !== log.blockHash) return undefined
    const receipt = await this.#rpc.run((client) => fetchReceipt(client, log.transactionHash))
    if (receipt?.blockHash !== log.blockHash) return undefined
    const anchored = {
      batch: fromAbi(BATCH, log.args.batch),
      digest: log.args.digest,
      signers: log.args.signers,
      transaction: log.transactionHash,
      blockNumber,
      blockHash: log.blockHash,
      gasUsed: receipt.gasUsed,
    }
    this.#remember(anchored)
    return anchored
  }

  #remember(anchored: AnchoredBatch): void {
    this.#cache.set(anchored.batch.number, anchored)
    const excess = this.#cache.size - MAX_CACHED_BATCHES
    if (excess <= 0) return
    for (const number of [...this.#cache.keys()].sort((left, right) => left - right).slice(0, excess)) {
      this.#cache.delete(number)
    }
  }

  #call(handler: (anchored: AnchoredBatch) => void, anchored: AnchoredBatch): void {
    try {
      handler(anchored)
    } catch (error) {
      this.#onFault(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
