import { type Address, PARAMETERS, type Parameters, type Profile, parametersOf } from '../protocol/index.ts'

const OPG = 10n ** 18n
/** What exists of OPG, for ever; wei. */
export const SUPPLY = 1_000_000_000n * OPG
/** A month of the economy: a twelfth of 365.25 days; s. */
export const MONTH = 2_629_800
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The fewest and most signers `Committee` may be told to open with. */
const MINIMUM_SIGNERS = { least: 3, most: 21 } as const
/** A genesis has at least four of them; fewer only on a devnet. */
const MINIMUM_SIGNERS_PRODUCTION = 4
/** Batches are anchored with stake of up to five epochs ago (docs/decisions/0023); one more to show an offence. */
const EPOCHS_OF_LIABILITY = 6
/** Epochs back of which a table of rewards is still posted (`RewardDistributor.MAX_LAG`). */
const MAX_ROOT_LAG = 7
/** No change of a parameter or module of a public network takes effect sooner; s. */
const CHANGE_DELAY_PRODUCTION = 7 * DAY
/** What `EmissionReserve` releases in all (`EmissionReserve.ALLOCATION`). */
const RESERVE = 100_000_000n * OPG
/** Bounds of `OPGGovernor` and `Timelock`; wei and s. */
const QUORUM = { least: 1_000_000n * OPG, most: 50_000_000n * OPG } as const
const MAX_PROPOSAL_THRESHOLD = 5_000_000n * OPG
const MAX_TIMELOCK = 30 * DAY
/** `Demands.MAX_BOND`; wei. */
const MAX_DEMAND_BOND = 1_000n * OPG
/** A guardian that never ends would be an owner; s after the start, and within `ProtocolParams.MAX_GUARDIAN_PERIOD`. */
const GUARDIAN_LIFE = 3 * 365 * DAY

/** Whom a row belongs to: an account, the treasury, or the reserve that pays the distributor. */
export type Beneficiary = Address | 'treasury' | 'reserve'

/** One row of the genesis allocation. Amounts in wei. */
export interface AllocationRow {
  readonly name: string
  readonly beneficiary: Beneficiary
  /** Sent to the beneficiary at launch. */
  readonly liquid: bigint
  /** Released linearly over `months`, from `delayMonths` after the start. */
  readonly locked: bigint
  readonly delayMonths: number
  readonly months: number
}

/** Who receives what the treasury and the reserve do not. */
export interface Beneficiaries {
  readonly foundation: Address
  readonly contributors: Address
  readonly investors: Address
  readonly liquidity: Address
  readonly airdrop: Address
}

/** The seven rows of the economy: 1,000,000,000 OPG, of which 190,000,000 are liquid at launch. */
export function allocationOf(to: Beneficiaries): readonly AllocationRow[] {
  const row = (
    name: string,
    beneficiary: Beneficiary,
    [liquid, locked]: readonly [number, number],
    [delayMonths, months]: readonly [number, number] = [0, 0],
  ): AllocationRow => ({
    ...{ name, beneficiary, delayMonths, months },
    ...{ liquid: BigInt(liquid) * OPG, locked: BigInt(locked) * OPG },
  })
  return [
    row('ecosystem', 'treasury', [40_000_000, 360_000_000], [0, 60]),
    row('foundation', to.foundation, [50_000_000, 100_000_000], [0, 48]),
    row('contributors', to.contributors, [0, 150_000_000], [12, 36]),
    row('investors', to.investors, [0, 100_000_000], [12, 36]),
    row('staking rewards', 'reserve', [0, 100_000_000], [0, 96]),
    row('liquidity', to.liquidity, [60_000_000, 0]),
    row('airdrop', to.airdrop, [40_000_000, 0]),
  ]
}

/** Durations the contracts fix for good; s. */
export interface Periods {
  readonly epoch: number
  readonly unbonding: number
  /** From a seizure to its execution. */
  readonly seizure: number
  /** From a seizure to the reporter's share. */
  readonly reporter: number
  /** From a seizure to the end of its victims' pot. */
  readonly pot: number
  /** After which anyone releases a hold. */
  readonly hold: number
  /** From the announcement of a slasher to its first act. */
  readonly slasher: number
  /** From a change of a parameter or module to its effect. */
  readonly change: number
  /** In which an epoch's table of rewards may be voided. */
  readonly voiding: number
  /** In which a demand must be answered. */
  readonly answer: number
}

/** Durations in s, amounts in wei. */
export interface GovernorSettings {
  readonly votingDelay: number
  readonly votingPeriod: number
  readonly timelock: number
  readonly lateQuorumExtension: number
  readonly proposalThreshold: bigint
  readonly quorum: bigint
}

type Timing = Omit<Periods, 'epoch' | 'unbonding' | 'seizure'>
type Voting = Omit<GovernorSettings, 'proposalThreshold' | 'quorum'>

const TIMING: { readonly [P in Profile]: Timing } = {
  production: {
    reporter: 7 * DAY,
    pot: 30 * DAY,
    hold: 10 * DAY,
    slasher: 15 * DAY,
    change: 7 * DAY,
    voiding: 3 * DAY,
    answer: DAY,
  },
  devnet: { reporter: 10, pot: 60, hold: 120, slasher: 420, change: 5, voiding: 10, answer: 5 },
}

const VOTING: { readonly [P in Profile]: Voting } = {
  production: { votingDelay: DAY, votingPeriod: 5 * DAY, timelock: 2 * DAY, lateQuorumExtension: DAY },
  devnet: { votingDelay: 5, votingPeriod: 20, timelock: 5, lateQuorumExtension: 5 },
}

const seconds = (parameters: Parameters, name: 'epoch' | 'unbonding' | 'seizureDelay'): number =>
  parameters[name] / 1_000

export function periodsOf(profile: Profile): Periods {
  const parameters = parametersOf(profile)
  return {
    epoch: seconds(parameters, 'epoch'),
    unbonding: seconds(parameters, 'unbonding'),
    seizure: seconds(parameters, 'seizureDelay'),
    ...TIMING[profile],
  }
}

export const governorSettingsOf = (profile: Profile): GovernorSettings => ({
  ...VOTING[profile],
  proposalThreshold: 1_000_000n * OPG,
  quorum: 10_000_000n * OPG,
})

/** Put down with every demand; wei. */
export const DEMAND_BOND = 100n * OPG

/** The published x402 contracts, Permit2 and Multicall3: one address on every chain that has them. */
export const CANONICAL = {
  paymentChannels: '0x4020074e9df2ce1dee5a9c1b5c3f541d02a10003',
  erc3009DepositCollector: '0x4020806089470a89826cb9fb1f4059150b550004',
  permit2DepositCollector: '0x4020425faf3b746c082c2f942b4e5159887b0005',
  permit2: '0x000000000022d473030f116ddee9f6b43ac78ba3',
  multicall3: '0xca11bde05977b3631167028862be2a173976ca11',
} as const satisfies { readonly [name: string]: Address }

/** OPG that exists already, by chain id: there a second one is never deployed. */
export const CANONICAL_OPG: { readonly [chainId: number]: Address } = {
  8453: '0xfbc2051ae2265686a469421b2c5a2d5462fbf5eb',
}

/** Everything a deployment follows from. Times in seconds since 1970. */
export interface Genesis {
  readonly name: string
  readonly profile: Profile
  readonly chainId: number
  readonly deployer: Address
  /** The deployer's nonce of the first step: all addresses follow from it. */
  readonly nonce: number
  /** From which everything is released. */
  readonly start: number
  /** `mint`: a new OPG, divided as `allocation` says. An address: the OPG that is there; nothing is minted or divided. */
  readonly token: 'mint' | Address
  readonly allocation: readonly AllocationRow[]
  /** Whether the published x402 contracts are used where they are, or the same deployed anew. */
  readonly payments: 'canonical' | 'deploy'
  /** Whether Uniswap's Permit2 is used where it is; a stand-in is deployed on devnets alone. */
  readonly permit2: 'canonical' | 'deploy'
  readonly guardian: Address
  readonly guardianEnd: number
  readonly minimumSigners: number
  /** Put down by who demands a leaf or a receipt; wei. */
  readonly demandBond: bigint
  readonly periods: Periods
  readonly governor: GovernorSettings
}

const isZero = (address: Address): boolean => /^0x0{40}$/.test(address)

/** Every reason why this genesis must not be deployed, as sentences. Pure: what only the chain knows is not asked. */
export function genesisProblems(genesis: Genesis): readonly string[] {
  return [
    ...partyProblems(genesis),
    ...tokenProblems(genesis),
    ...periodProblems(genesis),
    ...governorProblems(genesis.governor),
    ...(genesis.profile === 'production' ? productionProblems(genesis) : []),
  ]
}

const unless = (holds: boolean, problem: string): readonly string[] => (holds ? [] : [problem])

function partyProblems(genesis: Genesis): readonly string[] {
  const { deployer, guardian, start, guardianEnd, minimumSigners, nonce, chainId, demandBond } = genesis
  const { least, most } = MINIMUM_SIGNERS
  return [
    ...Object.entries({ deployer, guardian }).flatMap(([name, address]) =>
      unless(!isZero(address), `expected the ${name} to be an account, got the zero address`),
    ),
    ...unless(Number.isSafeInteger(nonce) && nonce >= 0, `expected a nonce of at least 0, got ${nonce}`),
    ...unless(Number.isSafeInteger(chainId) && chainId > 0, `expected a chain id above 0, got ${chainId}`),
    ...unless(Number.isSafeInteger(start) && start > 0, `expected a start in seconds since 1970, got ${start}`),
    ...unless(
      guardianEnd > start && guardianEnd - start <= GUARDIAN_LIFE,
      `expected a guardian that ends at most ${GUARDIAN_LIFE} s after the start ${start}, got ${guardianEnd}`,
    ),
    ...unless(
      Number.isInteger(minimumSigners) && minimumSigners >= least && minimumSigners <= most,
      `expected ${least} to ${most} minimum signers, got ${minimumSigners}`,
    ),
    ...unless(
      demandBond > 0n && demandBond <= MAX_DEMAND_BOND,
      `expected a bond of demands above 0 and at most ${MAX_DEMAND_BOND} wei, got ${demandBond}`,
    ),
  ]
}

function tokenProblems({ token, allocation, chainId }: Genesis): readonly string[] {
  const canonical = CANONICAL_OPG[chainId]
  const foreign = unless(
    canonical === undefined || token === canonical,
    `expected the OPG of chain ${chainId}, ${canonical}, got ${token}: a second one is never deployed there`,
  )
  if (token !== 'mint') {
    return [
      ...foreign,
      ...unless(!isZero(token), 'expected a token, got the zero address'),
      ...unless(
        allocation.length === 0,
        `expected no allocation of a token that is there, got ${allocation.length} rows`,
      ),
    ]
  }
  const total = allocation.reduce((sum, { liquid, locked }) => sum + liquid + locked, 0n)
  const names = allocation.map(({ name }) => name)
  return [
    ...foreign,
    ...unless(total === SUPPLY, `expected an allocation of ${SUPPLY} wei, got ${total}`),
    ...unless(new Set(names).size === names.length, `expected rows of different names, got ${names.join(', ')}`),
    ...unless(
      allocation.filter(({ beneficiary }) => beneficiary === 'reserve').length === 1,
      'expected exactly one row for the reserve',
    ),
    ...allocation.flatMap(rowProblems),
  ]
}

function rowProblems({ name, beneficiary, liquid, locked, delayMonths, months }: AllocationRow): readonly string[] {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
  return [
    ...unless(
      beneficiary === 'treasury' || beneficiary === 'reserve' || !isZero(beneficiary),
      `expected ${name} to belong to an account, got the zero address`,
    ),
    ...unless(
      liquid >= 0n && locked >= 0n && liquid + locked > 0n,
      `expected ${name} to hold something, got ${liquid} and ${locked} wei`,
    ),
    ...unless(
      isCount(months) && isCount(delayMonths) && locked > 0n === months > 0,
      `expected ${name} to be released over months exactly when something is locked, got ${months}`,
    ),
    ...unless(
      beneficiary !== 'reserve' || (liquid === 0n && locked === RESERVE && delayMonths === 0),
      `expected the reserve to release ${RESERVE} wei of ${name} from the start, got ${locked} and ${liquid} liquid after ${delayMonths} months`,
    ),
  ]
}

/** The order of the deadlines: everyone can leave before a new slasher acts, a seizure can be returned before it is paid. */
function periodProblems({ periods }: Genesis): readonly string[] {
  const { epoch, unbonding, seizure, reporter, pot, hold, slasher, voiding, answer } = periods
  const bounds = (name: 'epoch' | 'unbonding' | 'seizureDelay', value: number): readonly string[] => {
    const { min, max } = PARAMETERS[name]
    return unless(
      value * 1_000 >= min && value * 1_000 <= max,
      `expected ${name} of ${min / 1_000} to ${max / 1_000} s, got ${value}`,
    )
  }
  return [
    ...Object.entries(periods).flatMap(([name, value]) =>
      unless(Number.isSafeInteger(value) && value > 0, `expected ${name} in whole seconds above 0, got ${value}`),
    ),
    ...bounds('epoch', epoch),
    ...bounds('unbonding', unbonding),
    ...bounds('seizureDelay', seizure),
    ...unless(
      unbonding >= EPOCHS_OF_LIABILITY * epoch,
      `expected unbonding of at least ${EPOCHS_OF_LIABILITY} epochs of ${epoch} s, got ${unbonding}`,
    ),
    ...unless(slasher > unbonding, `expected slashers to wait longer than unbonding, ${unbonding} s, got ${slasher}`),
    ...unless(
      seizure < reporter && reporter < pot,
      `expected seizure < reporter < pot, got ${seizure}, ${reporter} and ${pot}`,
    ),
    ...unless(
      voiding < MAX_ROOT_LAG * epoch,
      `expected tables to be voided within ${MAX_ROOT_LAG} epochs of ${epoch} s, got ${voiding}`,
    ),
    ...unless(
      answer <= hold && answer < unbonding,
      `expected answers within holds of ${hold} s and unbonding of ${unbonding} s, got ${answer}`,
    ),
    ...unless(hold > seizure, `expected holds to last longer than the delay of a seizure, ${seizure} s, got ${hold}`),
  ]
}

function governorProblems(governor: GovernorSettings): readonly string[] {
  const { proposalThreshold, quorum, ...times } = governor
  return [
    ...Object.entries(times).flatMap(([name, value]) =>
      unless(Number.isSafeInteger(value) && value > 0, `expected ${name} in whole seconds above 0, got ${value}`),
    ),
    ...unless(
      times.lateQuorumExtension <= times.votingPeriod,
      `expected a vote to be extended by at most its period, ${times.votingPeriod} s, got ${times.lateQuorumExtension}`,
    ),
    ...unless(
      times.timelock <= MAX_TIMELOCK,
      `expected a timelock of at most ${MAX_TIMELOCK} s, got ${times.timelock}`,
    ),
    ...unless(
      quorum >= QUORUM.least && quorum <= QUORUM.most,
      `expected a quorum of ${QUORUM.least} to ${QUORUM.most} wei, got ${quorum}`,
    ),
    ...unless(
      proposalThreshold > 0n && proposalThreshold <= MAX_PROPOSAL_THRESHOLD && proposalThreshold <= quorum,
      `expected a proposal threshold above 0, at most ${MAX_PROPOSAL_THRESHOLD} wei and the quorum, got ${proposalThreshold}`,
    ),
  ]
}

/** What a network that holds money owes beyond a devnet. */
function productionProblems(genesis: Genesis): readonly string[] {
  const { deployer, guardian, allocation, minimumSigners, periods, permit2 } = genesis
  const kept = allocation.filter(({ beneficiary }) => beneficiary === deployer).map(({ name }) => name)
  return [
    ...unless(permit2 === 'canonical', 'expected the canonical Permit2, a stand-in is for devnets'),
    ...unless(guardian !== deployer, 'expected a guardian that is not the deployer'),
    ...unless(kept.length === 0, `expected the deployer to keep nothing, got ${kept.join(', ')}`),
    ...unless(
      minimumSigners >= MINIMUM_SIGNERS_PRODUCTION,
      `expected at least ${MINIMUM_SIGNERS_PRODUCTION} minimum signers, got ${minimumSigners}`,
    ),
    ...unless(
      periods.change >= CHANGE_DELAY_PRODUCTION,
      `expected changes to wait at least ${CHANGE_DELAY_PRODUCTION} s, got ${periods.change}`,
    ),
  ]
}
