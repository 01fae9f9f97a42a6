import { H } from './hash.ts'
import type { Address, Digest } from './hex.ts'

/** Where a network was born: fixed for ever, since StakeManager is never replaced (R2). */
export interface NetworkOrigin {
  readonly chainId: number
  readonly stakeManager: Address
  /** Hash of the parent of the block that created StakeManager: the newest hash its constructor can read. */
  readonly deploymentParentHash: Digest
}

/** The id of a network (R2): EIP-712 domain salt, part of topics, handshake and evidence. */
export const networkIdOf = ({ chainId, stakeManager, deploymentParentHash }: NetworkOrigin): Digest =>
  H('OPG/network/1', chainId, stakeManager, deploymentParentHash)
