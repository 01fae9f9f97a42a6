import { bytesToHex, CHECKPOINT, type Checkpoint, type Digest, hexToBytes, type Signature } from '../protocol/index.ts'
import type { BlockFollower, Reorg } from './blocks.ts'
import { batchAnchorAbi } from './contracts.ts'
import { logsBetween } from './logs.ts'
import type { NetworkFile } from './networkFile.ts'
import type { Rpc } from './rpc.ts'
import { fromAbi } from './structs.ts'

/** A checkpoint somebody put on chain because no batch took it (R20). */
export interface ForcedCheckpoint {
  readonly checkpoint: Checkpoint
  readonly digest: Digest
  readonly signature: Signature
  readonly blockNumber: number
}

const CHECKPOINT_FORCED = batchAnchorAbi.find(
  (item) => item.type === 'event' && item.name === 'CheckpointForced',
) as Extract<(typeof batchAnchorAbi)[number], { type: 'event'; name: 'CheckpointForced' }>

/** Reads forced checkpoints from the logs, each block once; after a reorganisation from the fork on. */
export class ForcedReader {
  readonly #rpc: Rpc
  readonly #blocks: BlockFollower
  readonly #network: NetworkFile
  #found: ForcedCheckpoint[] = []
  #cursor: number

  constructor({ rpc, blocks }: { readonly rpc: Rpc; readonly blocks: BlockFollower }, network: NetworkFile) {
    this.#rpc = rpc
    this.#blocks = blocks
    this.#network = network
    this.#cursor = network.deploymentBlock - 1
  }

  drop({ fork }: Reorg): void {
    this.#cursor = Math.min(this.#cursor, Math.max(fork, this.#network.deploymentBlock - 1))
    this.#found = this.#found.filter(({ blockNumber }) => blockNumber <= fork)
  }

  async all(): Promise<readonly ForcedCheckpoint[]> {
    const head = this.#blocks.head.number
    const from = this.#cursor + 1
    if (from > head) return this.#found
    const address = this.#network.contracts.batchAnchor
    const logs = await logsBetween(this.#rpc, address, [CHECKPOINT_FORCED], from, head)
    if (this.#cursor + 1 !== from) return this.#found
    this.#cursor = head
    for (const { args, blockNumber } of logs) {
      this.#found.push({
        checkpoint: fromAbi(CHECKPOINT, args.checkpoint),
        digest: args.digest,
        signature: bytesToHex(hexToBytes(args.operatorSig)),
        blockNumber: Number(blockNumber),
      })
    }
    return this.#found
  }
}
