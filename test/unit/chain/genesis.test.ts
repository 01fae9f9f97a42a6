import { describe, expect, it } from 'vitest'
import {
  type AllocationRow,
  allocationOf,
  CANONICAL_OPG,
  type Genesis,
  type GovernorSettings,
  genesisProblems,
  governorSettingsOf,
  type Periods,
  periodsOf,
  SUPPLY,
} from '../../../src/chain/genesis.ts'
import type { Address } from '../../../src/protocol/index.ts'
import { genesisOfTests, PARTIES } from '../../support/genesis.ts'

const OPG = 10n ** 18n
const DAY = 86_400
const ZERO: Address = `0x${'00'.repeat(20)}`

const problemsOf = (over: Partial<Genesis>): readonly string[] => genesisProblems(genesisOfTests(over))
const withPeriods = (over: Partial<Periods>): readonly string[] =>
  problemsOf({ periods: { ...periodsOf('production'), ...over } })
const withGovernor = (over: Partial<GovernorSettings>): readonly string[] =>
  problemsOf({ governor: { ...governorSettingsOf('production'), ...over } })
const withRow = (name: string, over: Partial<AllocationRow>): readonly string[] =>
  problemsOf({
    allocation: allocationOf(PARTIES).map((row) => (row.name === name ? { ...row, ...over } : row)),
  })

describe('the allocation of a genesis', () => {
  it('is the seven rows of the economy: 1,000,000,000 OPG, of which 190,000,000 are liquid at launch', () => {
    const rows = allocationOf(PARTIES)
    const millions = rows.map(({ name, liquid, locked, delayMonths, months }) => [
      name,
      Number(liquid / OPG) / 1e6,
      Number(locked / OPG) / 1e6,
      delayMonths,
      months,
    ])
    expect(millions).toEqual([
      ['ecosystem', 40, 360, 0, 60],
      ['foundation', 50, 100, 0, 48],
      ['contributors', 0, 150, 12, 36],
      ['investors', 0, 100, 12, 36],
      ['staking rewards', 0, 100, 0, 96],
      ['liquidity', 60, 0, 0, 0],
      ['airdrop', 40, 0, 0, 0],
    ])
    expect(rows.reduce((sum, { liquid, locked }) => sum + liquid + locked, 0n)).toBe(SUPPLY)
    expect(SUPPLY).toBe(10n ** 27n)
    expect(rows.map(({ beneficiary }) => beneficiary).slice(0, 5)).toEqual([
      'treasury',
      PARTIES.foundation,
      PARTIES.contributors,
      PARTIES.investors,
      'reserve',
    ])
  })
})

describe('the periods of a genesis', () => {
  it('are those of the economy on Base', () => {
    expect(periodsOf('production')).toEqual({
      epoch: DAY,
      unbonding: 14 * DAY,
      seizure: 3 * DAY,
      reporter: 7 * DAY,
      pot: 30 * DAY,
      hold: 10 * DAY,
      slasher: 15 * DAY,
      change: 7 * DAY,
      voiding: 3 * DAY,
      answer: DAY,
    })
    expect(governorSettingsOf('production')).toEqual({
      votingDelay: DAY,
      votingPeriod: 5 * DAY,
      timelock: 2 * DAY,
      lateQuorumExtension: DAY,
      proposalThreshold: 1_000_000n * OPG,
      quorum: 10_000_000n * OPG,
    })
  })

  it('are seconds and minutes on a devnet, in the same order', () => {
    const periods = periodsOf('devnet')
    expect(periods).toEqual({
      ...{ epoch: 60, unbonding: 360, seizure: 5, reporter: 10, pot: 60 },
      ...{ hold: 120, slasher: 420, change: 5, voiding: 10, answer: 5 },
    })
    const over: Partial<Genesis> = { profile: 'devnet', permit2: 'deploy', minimumSigners: 3 }
    expect(problemsOf({ ...over, periods, governor: governorSettingsOf('devnet') })).toEqual([])
  })
})

describe('a genesis', () => {
  it('that is whole has no problems', () => {
    expect(problemsOf({})).toEqual([])
  })

  it.each([
    ['epoch', { epoch: 0 }],
    ['epoch', { epoch: 8 * DAY }],
    ['at least 6 epochs', { unbonding: 6 * DAY - 1 }],
    ['unbonding', { unbonding: 61 * DAY }],
    ['longer than unbonding', { slasher: 14 * DAY }],
    ['seizure < reporter < pot', { reporter: 3 * DAY }],
    ['seizure < reporter < pot', { pot: 7 * DAY }],
    ['holds to last longer', { hold: 3 * DAY }],
    ['voided within', { voiding: 7 * DAY }],
    ['answers within', { answer: 10 * DAY + 1 }],
    ['whole seconds', { answer: 0 }],
    ['whole seconds', { change: 604_800.5 }],
    ['changes to wait', { change: 7 * DAY - 1 }],
  ] satisfies readonly (readonly [string, Partial<Periods>])[])('is refused for its %s: %j', (text, over) => {
    expect(withPeriods(over).join('\n')).toContain(text)
  })

  it.each([
    ['votingDelay', { votingDelay: 0 }],
    ['votingPeriod', { votingPeriod: -1 }],
    ['extended by at most', { lateQuorumExtension: 5 * DAY + 1 }],
    ['timelock', { timelock: 31 * DAY }],
    ['quorum', { quorum: 999_999n * OPG }],
    ['quorum', { quorum: 50_000_001n * OPG }],
    ['threshold', { proposalThreshold: 0n }],
    ['threshold', { proposalThreshold: 5_000_001n * OPG }],
    ['threshold', { proposalThreshold: 2_000_000n * OPG, quorum: 1_000_000n * OPG }],
  ] satisfies readonly (readonly [string, Partial<GovernorSettings>])[])('is refused for its %s', (text, over) => {
    expect(withGovernor(over).join('\n')).toContain(text)
  })

  it.each([
    ['an allocation of', 'airdrop', { liquid: 40_000_000n * OPG + 1n }],
    ['an allocation of', 'foundation', { locked: 100_000_000n * OPG - 1n }],
    ['zero address', 'liquidity', { beneficiary: ZERO }],
    ['released over months', 'investors', { months: 0 }],
    ['released over months', 'airdrop', { months: 1 }],
    ['released over months', 'investors', { delayMonths: -1 }],
    ['the reserve to release', 'staking rewards', { delayMonths: 1 }],
    ['exactly one row for the reserve', 'staking rewards', { beneficiary: PARTIES.airdrop }],
    ['exactly one row for the reserve', 'airdrop', { beneficiary: 'reserve' }],
    ['to hold something', 'airdrop', { liquid: 0n }],
    ['different names', 'airdrop', { name: 'liquidity' }],
    ['deployer to keep nothing', 'airdrop', { beneficiary: PARTIES.deployer }],
  ] satisfies readonly (readonly [string, string, Partial<AllocationRow>])[])(
    'is refused for %s of %s',
    (text, row, over) => {
      expect(withRow(row, over).join('\n')).toContain(text)
    },
  )

  it('is refused when what one row loses another wins, beyond the reserve of the contract', () => {
    const shifted = allocationOf(PARTIES).map((row) =>
      row.name === 'staking rewards'
        ? { ...row, locked: row.locked + OPG }
        : row.name === 'airdrop'
          ? { ...row, liquid: row.liquid - OPG }
          : row,
    )
    expect(problemsOf({ allocation: shifted }).join('\n')).toContain('the reserve to release')
  })

  it.each([
    ['deployer', { deployer: ZERO }],
    ['guardian', { guardian: ZERO }],
    ['guardian that is not the deployer', { guardian: PARTIES.deployer }],
    ['guardian that ends', { guardianEnd: 1_800_000_000 }],
    ['guardian that ends', { guardianEnd: 1_800_000_000 + 4 * 365 * DAY }],
    ['nonce', { nonce: -1 }],
    ['chain id', { chainId: 0 }],
    ['3 to 21 minimum signers', { minimumSigners: 2 }],
    ['at least 4 minimum signers', { minimumSigners: 3 }],
    ['3 to 21 minimum signers', { minimumSigners: 22 }],
    ['bond', { demandBond: 0n }],
    ['bond', { demandBond: 1_001n * OPG }],
    ['canonical Permit2', { permit2: 'deploy' }],
  ] satisfies readonly (readonly [string, Partial<Genesis>])[])('is refused for its %s', (text, over) => {
    expect(problemsOf(over).join('\n')).toContain(text)
  })

  it('never makes a second OPG where there is one', () => {
    const there = CANONICAL_OPG[8453] as Address
    expect(problemsOf({ chainId: 8453 }).join('\n')).toContain('a second one is never deployed there')
    expect(problemsOf({ chainId: 8453, token: PARTIES.airdrop, allocation: [] }).join('\n')).toContain('a second one')
    expect(problemsOf({ chainId: 8453, token: there }).join('\n')).toContain('no allocation of a token that is there')
    expect(problemsOf({ chainId: 8453, token: there, allocation: [] })).toEqual([])
    expect(problemsOf({ token: ZERO, allocation: [] }).join('\n')).toContain('zero address')
  })
})
