import { encodeAbiParameters, keccak256, toBytes } from 'viem'
import { describe, expect, it } from 'vitest'
import { networkIdOf } from '../../../src/protocol/network.ts'

const ORIGIN = {
  chainId: 31337,
  stakeManager: `0x${'b2'.repeat(20)}`,
  deploymentParentHash: `0x${'ab'.repeat(32)}`,
} as const

describe('the network id (R2)', () => {
  it('is the hash StakeManager computes', () => {
    const encoded = encodeAbiParameters(
      [{ type: 'bytes32' }, { type: 'uint256' }, { type: 'address' }, { type: 'bytes32' }],
      [keccak256(toBytes('OPG/network/1')), BigInt(ORIGIN.chainId), ORIGIN.stakeManager, ORIGIN.deploymentParentHash],
    )
    expect(networkIdOf(ORIGIN)).toBe(keccak256(encoded))
  })

  it('differs by chain, by contract and by the block before the deployment', () => {
    const ids = [
      ORIGIN,
      { ...ORIGIN, chainId: 31338 },
      { ...ORIGIN, stakeManager: `0x${'b3'.repeat(20)}` as const },
      { ...ORIGIN, deploymentParentHash: `0x${'ac'.repeat(32)}` as const },
    ].map(networkIdOf)
    expect(new Set(ids).size).toBe(ids.length)
  })
})
