import { describe, expect, it } from 'vitest'
import { CONTRACT_NAMES } from '../../../src/chain/contractNames.ts'
import { formatNetworkFile, type NetworkFile, parseNetworkFile } from '../../../src/chain/index.ts'
import { contractsOfNoChain } from '../../support/networkFile.ts'

const FILE: NetworkFile = {
  name: 'devnet',
  profile: 'devnet',
  chainId: 31337,
  networkId: `0x${'ab'.repeat(32)}`,
  contracts: contractsOfNoChain(),
  deploymentBlock: 2,
  genesisTimestamp: 1_795_254_273,
  epochSeconds: 60,
  trustRoots: [{ name: 'devnet authority', vendor: 'aws', sha256: `0x${'0e'.repeat(32)}` }],
  bootstrap: ['/ip4/127.0.0.1/tcp/4801/p2p/16Uiu2HAm'],
}

const problemsOf = (change: (file: Record<string, unknown>) => void): readonly string[] => {
  const file = JSON.parse(formatNetworkFile(FILE)) as Record<string, unknown>
  change(file)
  const parsed = parseNetworkFile(JSON.stringify(file))
  if (parsed.ok) throw new Error('expected a refusal')
  expect(parsed.error.code).toBe('network-file-malformed')
  return parsed.error.detail.code === 'network-file-malformed' ? parsed.error.detail.problems : []
}

describe('network file', () => {
  it('reads back what it wrote, with addresses in EIP-55', () => {
    const text = formatNetworkFile(FILE)
    expect(JSON.parse(text).contracts.opg).not.toBe(FILE.contracts.opg)
    expect(parseNetworkFile(text)).toEqual({ ok: true, value: FILE })
  })

  it('refuses an unknown member', () => {
    expect(problemsOf((file) => Object.assign(file, { rpc: 'http://127.0.0.1' }))[0]).toContain('rpc')
  })

  it('refuses an address whose checksum is wrong', () => {
    const problems = problemsOf((file) => {
      const contracts = file.contracts as Record<string, string>
      contracts.opg = `0x${'A1'.repeat(20)}`
    })
    expect(problems).toEqual(['contracts.opg: expected an address in its EIP-55 form'])
  })

  it('holds every contract of a network, and no other', () => {
    for (const name of CONTRACT_NAMES) {
      const problems = problemsOf((file) => Reflect.deleteProperty(file.contracts as object, name))
      expect(problems).toHaveLength(1)
      expect(problems[0]).toContain(`contracts.${name}:`)
    }
    expect(problemsOf((file) => Object.assign(file.contracts as object, { slasher: FILE.contracts.opg }))[0]).toContain(
      'slasher',
    )
  })

  it.each([
    ['networkId', '0x12'],
    ['profile', 'staging'],
    ['chainId', 0],
    ['chainId', 1.5],
    ['epochSeconds', -60],
    ['genesisTimestamp', '1795254273'],
    ['name', 'Dev Net'],
    ['bootstrap', ['127.0.0.1:4801']],
    ['trustRoots', [{ name: 'x', vendor: 'sgx', sha256: `0x${'0e'.repeat(32)}` }]],
  ])('refuses %s of %j and names it', (member, value) => {
    const problems = problemsOf((file) => Object.assign(file, { [member]: value }))
    expect(problems).toHaveLength(1)
    expect(problems[0]?.startsWith(member)).toBe(true)
  })

  it('refuses a missing member, text that is not JSON, and a file that is too large', () => {
    expect(problemsOf((file) => Reflect.deleteProperty(file, 'networkId'))[0]).toContain('networkId')
    for (const text of ['{', '[]', 'null', ' '.repeat(70_000)]) {
      const parsed = parseNetworkFile(text)
      expect(parsed.ok ? undefined : parsed.error.code).toBe('network-file-malformed')
    }
  })
})
