import { getContractAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { CONTRACT_NAMES, CONTRACTS } from '../../../src/chain/contractNames.ts'
import { type CreationStep, type DeploymentPlan, planDeployment } from '../../../src/chain/deployment.ts'
import { CANONICAL, CANONICAL_OPG, MONTH } from '../../../src/chain/genesis.ts'
import type { Address } from '../../../src/protocol/index.ts'
import { genesisOfTests, PARTIES } from '../../support/genesis.ts'

const OPG = 10n ** 18n

const creations = ({ steps }: DeploymentPlan): readonly CreationStep[] => steps.filter((step) => step.kind === 'create')
const argumentsOf = (plan: DeploymentPlan, name: string): readonly unknown[] =>
  creations(plan).find((step) => step.name === name)?.args ?? []

describe('a plan of a deployment', () => {
  const plan = planDeployment(genesisOfTests({ permit2: 'canonical' }))

  it('creates every contract once, where the deployer’s nonces put it', () => {
    expect(creations(plan).map(({ contract }) => contract)).toEqual([
      ...CONTRACT_NAMES.filter((name) => name !== 'permit2').map((name) => CONTRACTS[name]),
      ...['Vesting', 'Vesting', 'Vesting', 'Vesting'],
    ])
    for (const [place, step] of plan.steps.entries()) {
      expect(step.nonce).toBe(place)
      if (step.kind !== 'create') continue
      const expected = getContractAddress({ from: PARTIES.deployer, nonce: BigInt(place) })
      expect(step.address).toBe(expected.toLowerCase())
    }
    for (const name of CONTRACT_NAMES) {
      const created = creations(plan).find((step) => step.name === name)?.address
      expect(plan.contracts[name]).toBe(created ?? CANONICAL.permit2)
    }
    expect(new Set(Object.values(plan.contracts)).size).toBe(CONTRACT_NAMES.length)
  })

  it('follows the nonce it begins at', () => {
    const later = planDeployment(genesisOfTests({ nonce: 7 }))
    expect(later.steps.map(({ nonce }) => nonce)).toEqual(plan.steps.map(({ nonce }) => nonce + 7))
    expect(Object.values(later.contracts).filter((each) => Object.values(plan.contracts).includes(each))).not.toContain(
      plan.contracts.stakeManager,
    )
    expect(later.digest).not.toBe(plan.digest)
    expect(planDeployment(genesisOfTests()).digest).toBe(plan.digest)
  })

  it('lets contracts name each other before they are there', () => {
    const { contracts } = plan
    expect(argumentsOf(plan, 'timelock')[1]).toBe(contracts.opgGovernor)
    expect(argumentsOf(plan, 'opgGovernor').slice(0, 3)).toEqual([
      contracts.combinedVotes,
      contracts.timelock,
      contracts.protocolParams,
    ])
    expect(argumentsOf(plan, 'stakeManager')[0]).toMatchObject({
      token: contracts.opg,
      params: contracts.protocolParams,
      governance: contracts.timelock,
      slashers: [contracts.evidence, contracts.demands],
      slasherDelay: 15n * 86_400n,
    })
    expect(argumentsOf(plan, 'protocolParams')[0]).toMatchObject({
      governance: contracts.timelock,
      treasury: contracts.treasury,
      modules: [1, 2, 3, 4, 6],
      targets: [
        contracts.committee,
        contracts.batchAnchor,
        contracts.evidence,
        contracts.demands,
        contracts.rewardDistributor,
      ],
    })
  })

  it('leaves the deployer nothing of the supply', () => {
    const moved = plan.steps.reduce((sum, step) => (step.kind === 'transfer' ? sum + step.amount : sum), 0n)
    expect(moved).toBe(10n ** 27n)
    const recipients = plan.steps.flatMap((step) => (step.kind === 'transfer' ? [step.recipient] : []))
    expect(recipients).not.toContain(PARTIES.deployer)
  })

  it('locks rows in wallets of their beneficiaries, with a cliff where the wallet starts', () => {
    const { start } = plan.genesis
    const { treasury } = plan.contracts
    const wallets = plan.vestings.map(({ address: _, ...wallet }) => wallet)
    expect(wallets).toEqual([
      { row: 'ecosystem', beneficiary: treasury, start, duration: 60 * MONTH, amount: 360_000_000n * OPG },
      { row: 'foundation', beneficiary: PARTIES.foundation, start, duration: 48 * MONTH, amount: 100_000_000n * OPG },
      {
        ...{ row: 'contributors', beneficiary: PARTIES.contributors, start: start + 12 * MONTH },
        ...{ duration: 36 * MONTH, amount: 150_000_000n * OPG },
      },
      {
        ...{ row: 'investors', beneficiary: PARTIES.investors, start: start + 12 * MONTH },
        ...{ duration: 36 * MONTH, amount: 100_000_000n * OPG },
      },
    ])
    expect(argumentsOf(plan, 'emissionReserve').slice(2)).toEqual([BigInt(start), BigInt(96 * MONTH)])
    for (const { row, address, amount } of plan.vestings) {
      const sent = plan.steps.filter((step) => step.kind === 'transfer' && step.recipient === address)
      expect(sent).toMatchObject([{ name: `${row}, locked`, amount }])
    }
  })

  it('uses the token and the payment contracts that are there', () => {
    const token = CANONICAL_OPG[8453] as Address
    const { multicall3: _, ...contracts } = CANONICAL
    const there = planDeployment(
      genesisOfTests({ chainId: 8453, token, allocation: [], payments: 'canonical', permit2: 'canonical' }),
    )
    expect(there.contracts).toMatchObject({ opg: token, ...contracts })
    const names = there.steps.map(({ name }) => name)
    expect(names).toEqual(CONTRACT_NAMES.filter((name) => !['opg', ...Object.keys(CANONICAL)].includes(name)))
    expect(there.vestings).toEqual([])
  })

  it('keeps a devnet’s rows with its deployer, and sends it nothing', () => {
    const deployer = PARTIES.deployer
    const allocation = genesisOfTests().allocation.map((row) =>
      row.beneficiary === 'treasury' || row.beneficiary === 'reserve' ? row : { ...row, beneficiary: deployer },
    )
    const kept = planDeployment(genesisOfTests({ profile: 'devnet', permit2: 'deploy', allocation }))
    const sent = kept.steps.flatMap((step) => (step.kind === 'transfer' ? [step.name] : []))
    expect(sent).toEqual([
      ...['ecosystem, liquid', 'ecosystem, locked', 'foundation, locked'],
      ...['contributors, locked', 'investors, locked', 'staking rewards, locked'],
    ])
  })

  it('refuses a genesis with problems, and names them all', () => {
    const refused = (): DeploymentPlan => planDeployment(genesisOfTests({ minimumSigners: 1, guardianEnd: 0 }))
    expect(refused).toThrowError(expect.objectContaining({ code: 'genesis-refused' }))
    expect(refused).toThrowError(/minimum signers.*/)
    expect(refused).toThrowError(/guardian that ends/)
  })
})
