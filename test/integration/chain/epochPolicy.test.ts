import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readContract } from 'viem/actions'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  commitmentOf,
  type EpochPolicy,
  formatEpochPolicy,
  measurementDigest,
  parsePolicyFile,
} from '../../../src/attestation/index.ts'
import { protocolParamsAbi } from '../../../src/chain/contracts.ts'
import {
  allowMeasurementCall,
  type Call,
  type ChainClient,
  publishPolicyCall,
  readPolicy,
  revokeMeasurementCall,
} from '../../../src/chain/index.ts'
import { createEpochPolicies, type EpochPolicies } from '../../../src/node/epochPolicies.ts'
import { createLogger } from '../../../src/node/logger.ts'
import { EVIDENCE_KIND } from '../../../src/protocol/index.ts'
import { startTestChain, type TestChain } from '../../support/devnetChain.ts'

const program = (byte: string) => ({ kind: 'nitro', values: { pcr0: `0x${byte.repeat(48)}` } }) as const
const nameOf = (byte: string) => ({ kind: EVIDENCE_KIND.nitro, digest: measurementDigest(program(byte)) })
const DOCUMENT: EpochPolicy = {
  version: 1,
  measurements: [program('aa'), program('bb'), program('cc')],
  revokedChips: ['chip-1'],
  revokedCertificates: [],
  tcbFloors: { tcbEvaluationDataNumber: 17, snp: {} },
}

describe('the policy of an epoch, from the chain and a file (R14)', () => {
  let chain: TestChain
  let client: ChainClient
  let folder: string
  let epoch: number
  let now = 0

  async function sendAs(from: `0x${string}`, { to, data }: Call): Promise<void> {
    const { client: anvil } = chain.anvil
    await anvil.impersonateAccount({ address: from })
    await anvil.setBalance({ address: from, value: 10n ** 20n })
    const hash = await anvil.sendTransaction({ account: from, chain: anvil.chain, to, data, gas: 1_000_000n })
    expect((await anvil.waitForTransactionReceipt({ hash, pollingInterval: 50 })).status).toBe('success')
  }
  const govern = async (call: Call, by: 'governance' | 'guardian' = 'governance'): Promise<void> => {
    const address = chain.network.contracts.protocolParams
    const from = await readContract(chain.anvil.client, { address, abi: protocolParamsAbi, functionName: by })
    await sendAs(from, call)
  }

  beforeAll(async () => {
    chain = await startTestChain()
    client = chain.client()
    await client.start()
    folder = await mkdtemp(join(tmpdir(), 'opg-policy-'))
    epoch = client.epochAt() + 4
    for (const byte of ['aa', 'bb']) {
      await govern(allowMeasurementCall(chain.network.contracts, nameOf(byte), epoch))
    }
    await govern(
      publishPolicyCall(chain.network.contracts, { ...commitmentOf(DOCUMENT), from: epoch }, 'ipfs://policy'),
    )
  })

  afterAll(async () => {
    await chain?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  function policies(documents?: string): EpochPolicies {
    const file = parsePolicyFile({ source: 'chain', assurances: ['simulated'] })
    if (!file.ok) throw file.error
    return createEpochPolicies(
      { chain: client, clock: () => now, logger: createLogger('silent') },
      { file: file.value, profile: 'devnet', documents },
    )
  }

  const programsAt = async (from: EpochPolicies, at: number): Promise<unknown> => {
    const policy = await from.at(at)
    return policy.ok ? policy.value.measurements : policy.error.code
  }

  it('is what governance published, from its epoch on', async () => {
    expect(await readPolicy(client, epoch - 1)).toBeUndefined()
    expect(await readPolicy(client, epoch)).toEqual({ ...commitmentOf(DOCUMENT), from: epoch })
    expect(await readPolicy(client, epoch + 9)).toEqual({ ...commitmentOf(DOCUMENT), from: epoch })
  })

  it('is the node’s own before the first was published', async () => {
    const own = policies()
    await own.assertAt(epoch - 1)
    expect(await programsAt(own, epoch - 1)).toBe('any')
  })

  it('keeps a node from starting without the document, or with another', async () => {
    await expect(policies().assertAt(epoch)).rejects.toMatchObject({ code: 'policy-mismatch' })
    await expect(policies(join(folder, 'none.json')).assertAt(epoch)).rejects.toMatchObject({
      code: 'policy-unreadable',
    })
    const other = join(folder, 'other.json')
    await writeFile(other, formatEpochPolicy({ ...DOCUMENT, revokedChips: [] }))
    await expect(policies(other).assertAt(epoch)).rejects.toMatchObject({ code: 'policy-mismatch' })
    expect(await programsAt(policies(other), epoch)).toBe('policy-unavailable')
    await rm(other)
  })

  it('lets the programs count that document and registry both name, until the guardian revokes one', async () => {
    const documents = join(folder, 'policy.json')
    await writeFile(documents, formatEpochPolicy(DOCUMENT))
    const fromFolder = policies(folder)
    await fromFolder.assertAt(epoch)
    const first = await fromFolder.at(epoch)
    expect(first.ok && first.value).toMatchObject({
      assurances: ['simulated'],
      measurements: [program('aa'), program('bb')],
      revokedChips: ['chip-1'],
      tcbFloors: { tcbEvaluationDataNumber: 17 },
    })
    now += 61_000
    const again = await fromFolder.at(epoch)
    expect(again.ok && first.ok && again.value === first.value).toBe(true)

    await govern(revokeMeasurementCall(chain.network.contracts, nameOf('bb'), epoch), 'guardian')
    expect(await programsAt(fromFolder, epoch)).toHaveLength(2)
    now += 61_000
    expect(await programsAt(fromFolder, epoch)).toEqual([program('aa')])
  })

  it('stays what it was while the chain is silent, and is unknown where it was never read', async () => {
    const held = policies(folder)
    expect(await programsAt(held, epoch)).toEqual([program('aa')])
    await chain.anvil.stop()
    now += 61_000
    expect(await programsAt(held, epoch)).toEqual([program('aa')])
    expect(await programsAt(held, epoch + 1)).toBe('policy-unavailable')
  })
})
