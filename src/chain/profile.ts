import type { Digest, Profile } from '../protocol/index.ts'
import { ChainError } from './errors.ts'

/** Public chains a production network may live on, by the hash of their block 0. */
const PUBLIC_GENESIS: { readonly [chainId: number]: Digest } = {
  8453: '0xf712aa9241cc24369b143cf6dce85f0902a9731e70d66818a3a5845b296c73dd',
  84532: '0x0dcc9e089e30b90ddfc55be9a37dd15bc551aeee999d2e2b51414c54eaf934e4',
}

/** Chain ids of devnets: 84532 only where a stock client must know the network. */
const DEVNET_CHAIN_IDS: readonly number[] = [31337, 84532]

/**
 * R2: whether a profile may run on this chain. A devnet never uses a public chain id nor a public chain, production
 * only a public chain that really is the one. Returns undefined or ChainError `profile-mismatch`.
 */
export function profileProblem(profile: Profile, chainId: number, genesis: Digest): ChainError | undefined {
  const expected = PUBLIC_GENESIS[chainId]
  const isPublic = expected !== undefined && expected === genesis
  if (profile === 'devnet' ? DEVNET_CHAIN_IDS.includes(chainId) && !isPublic : isPublic) return undefined
  return new ChainError(
    { code: 'profile-mismatch', profile, chainId, genesis },
    profile === 'devnet'
      ? `expected a devnet on chain id ${DEVNET_CHAIN_IDS.join(' or ')} with its own genesis, got chain id ${chainId} with genesis ${genesis}; start a local chain`
      : `expected a public chain with its own genesis, got chain id ${chainId} with genesis ${genesis}; check the endpoint`,
  )
}
