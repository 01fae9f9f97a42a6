import { allocationOf, DEMAND_BOND, type Genesis, governorSettingsOf, periodsOf } from '../../src/chain/genesis.ts'
import type { Address } from '../../src/protocol/index.ts'

const DAY = 86_400

const account = (byte: string): Address => `0x${byte.repeat(20)}`

/** Who is who in `genesisOfTests`. */
export const PARTIES = {
  deployer: account('d1'),
  guardian: account('9a'),
  foundation: account('f0'),
  contributors: account('c0'),
  investors: account('1e'),
  liquidity: account('11'),
  airdrop: account('ad'),
} as const

/** A whole genesis of a network that holds money: everything new, so that it fits a local chain. */
export function genesisOfTests(over: Partial<Genesis> = {}): Genesis {
  const { deployer, guardian, ...beneficiaries } = PARTIES
  const start = over.start ?? 1_800_000_000
  return {
    ...{ name: 'test', profile: 'production', chainId: 31337, deployer, nonce: 0, start },
    ...{ token: 'mint', payments: 'deploy', permit2: 'canonical' },
    allocation: allocationOf(beneficiaries),
    guardian,
    guardianEnd: start + 730 * DAY,
    minimumSigners: 4,
    demandBond: DEMAND_BOND,
    periods: periodsOf('production'),
    governor: governorSettingsOf('production'),
    ...over,
  }
}
