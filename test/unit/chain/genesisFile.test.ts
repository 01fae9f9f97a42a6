import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { planDeployment } from '../../../src/chain/deployment.ts'
import {
  formatDeploymentRecord,
  type GenesisFile,
  genesisOf,
  missingParties,
  parseDeploymentRecord,
  parseGenesisFile,
  standIn,
} from '../../../src/chain/genesisFile.ts'
import { PARTIES } from '../../support/genesis.ts'

const { deployer, guardian, ...beneficiaries } = PARTIES
const BIRTH = { deployer, nonce: 3, start: 1_800_000_000 }
const FILE: GenesisFile = {
  name: 'test',
  profile: 'production',
  chainId: 84532,
  token: 'mint',
  payments: 'canonical',
  permit2: 'canonical',
  beneficiaries,
  guardian,
  guardianDays: 730,
  minimumSigners: 4,
  trustRoots: [],
  bootstrap: [],
}

const read = async (network: string): Promise<GenesisFile> => {
  const path = fileURLToPath(new URL(`../../../contracts/genesis/${network}.json`, import.meta.url))
  const parsed = parseGenesisFile(await readFile(path, 'utf8'))
  if (!parsed.ok) throw parsed.error
  return parsed.value
}

const problemsOf = (over: object): readonly string[] => {
  const parsed = parseGenesisFile(JSON.stringify({ ...FILE, ...over }))
  if (parsed.ok || parsed.error.detail.code !== 'genesis-refused') throw new Error('expected a refusal')
  return parsed.error.detail.problems
}

describe('a genesis file', () => {
  it('is read as it was written', () => {
    expect(parseGenesisFile(JSON.stringify(FILE))).toEqual({ ok: true, value: FILE })
  })

  it.each([
    ['name', 'Base'],
    ['profile', 'staging'],
    ['chainId', 0],
    ['token', 'burn'],
    ['payments', 'reuse'],
    ['permit2', PARTIES.airdrop],
    ['guardian', '0x1234'],
    ['guardianDays', 0],
    ['minimumSigners', 1.5],
    ['owner', PARTIES.airdrop],
    ['beneficiaries', { ...beneficiaries, founders: PARTIES.airdrop }],
  ])('refuses %s of %j and names it', (member, value) => {
    const problems = problemsOf({ [member]: value })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(member)
  })

  it('refuses what is not JSON', () => {
    expect(parseGenesisFile('{').ok).toBe(false)
  })

  it('becomes a genesis whose durations are its profile’s', () => {
    const genesis = genesisOf(FILE, BIRTH)
    expect(genesis).toMatchObject({ ...BIRTH, guardian, guardianEnd: 1_800_000_000 + 730 * 86_400 })
    expect(genesis.periods.unbonding).toBe(14 * 86_400)
    expect(missingParties(FILE)).toEqual([])
    expect(planDeployment(genesis).steps[0]?.nonce).toBe(3)
  })

  it('may leave parties open until they are needed; nobody has the key of a stand-in', () => {
    const { guardian: _, ...open } = FILE
    expect(missingParties({ ...open, beneficiaries: { airdrop: PARTIES.airdrop } })).toEqual([
      ...['guardian', 'foundation', 'contributors', 'investors', 'liquidity'],
    ])
    const rows = genesisOf({ ...open, beneficiaries: {} }, BIRTH).allocation
    expect(rows.find(({ name }) => name === 'airdrop')?.beneficiary).toBe(standIn('airdrop'))
    const there = { ...open, token: PARTIES.liquidity, beneficiaries: {} }
    expect(missingParties(there)).toEqual(['guardian'])
    expect(genesisOf(there, BIRTH).allocation).toEqual([])
  })

  it.each([
    ['base', 8453, '0xfbc2051ae2265686a469421b2c5a2d5462fbf5eb'],
    ['base-sepolia', 84532, 'mint'],
  ] as const)('of %s can be planned', async (network, chainId, token) => {
    const file = await read(network)
    expect(file).toMatchObject({ name: network, profile: 'production', chainId, token, payments: 'canonical' })
    expect(planDeployment(genesisOf(file, BIRTH)).steps.length).toBeGreaterThan(15)
  })
})

describe('the record of a deployment', () => {
  const record = { ...BIRTH, plan: `0x${'ab'.repeat(32)}` } as const

  it('is read as it was written', () => {
    expect(parseDeploymentRecord(formatDeploymentRecord(record))).toEqual(record)
  })

  it('is refused when it is another file', () => {
    expect(() => parseDeploymentRecord('{"version":2}')).toThrowError(
      expect.objectContaining({ code: 'genesis-refused' }),
    )
  })
})
