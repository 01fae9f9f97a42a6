import { describe, expect, it } from 'vitest'
import { profileProblem } from '../../../src/chain/profile.ts'
import type { Digest, Profile } from '../../../src/protocol/index.ts'

const BASE: Digest = '0xf712aa9241cc24369b143cf6dce85f0902a9731e70d66818a3a5845b296c73dd'
const BASE_SEPOLIA: Digest = '0x0dcc9e089e30b90ddfc55be9a37dd15bc551aeee999d2e2b51414c54eaf934e4'
const LOCAL: Digest = `0x${'11'.repeat(32)}`

describe('profile, chain id and genesis (R2)', () => {
  it.each<[Profile, number, Digest, boolean]>([
    ['devnet', 31337, LOCAL, true],
    ['devnet', 84532, LOCAL, true],
    ['devnet', 84532, BASE_SEPOLIA, false],
    ['devnet', 8453, LOCAL, false],
    ['devnet', 8453, BASE, false],
    ['devnet', 1, LOCAL, false],
    ['production', 8453, BASE, true],
    ['production', 8453, LOCAL, false],
    ['production', 84532, BASE_SEPOLIA, true],
    ['production', 84532, LOCAL, false],
    ['production', 31337, LOCAL, false],
    ['production', 1, LOCAL, false],
  ])('%s on %i with genesis %s: %s', (profile, chainId, genesis, isAllowed) => {
    const problem = profileProblem(profile, chainId, genesis)
    expect(problem?.code).toBe(isAllowed ? undefined : 'profile-mismatch')
  })
})
