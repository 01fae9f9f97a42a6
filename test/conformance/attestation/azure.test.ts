import { describe, expect, it } from 'vitest'
import { AZURE_TIME, chainOf, judgeAzure, parsedAzure, readAzure } from '../../support/azureVectors.ts'
import { needVectors } from '../../support/needVectors.ts'
import { VECTORS } from '../../support/vectors.ts'

const SNP = [
  ['az-snp-vtpm-evidence-v0', 'milan'],
  ['az-snp-vtpm-evidence-v1', 'milan'],
  ['az-snp-vtpm-evidence-v2', 'milan'],
  ['az-snp-vtpm-evidence-genoa', 'genoa'],
] as const
const TDX = ['az-tdx-vtpm-evidence-v0', 'az-tdx-vtpm-evidence-v1']
const VTPM = ['structure', 'trust-root', 'certificate-chain', 'signature', 'vtpm', 'not-debug', 'hardware']

needVectors('evidence of Azure confidential VMs')

describe.runIf(VECTORS !== undefined)('evidence of Azure confidential VMs', () => {
  it.each(SNP)('%s: accepted under the chain of %s', async (name, product) => {
    const items = new Map([['amd/chain', await chainOf(product)] as const])
    const result = await judgeAzure('azure-snp-vtpm', await readAzure(name), { items })
    if (!result.ok) throw result.error
    const { value } = result
    expect(value.assurance).toBe('hardware-amd')
    expect(value.checked).toEqual(VTPM)
    expect(value.notChecked).toContain('certificate-revocation')
    expect(value.measurements.vmpl).toBe('0x00000000')
    for (let index = 0; index < 24; index += 1) expect(value.measurements[`pcr${index}`]).toMatch(/^0x[0-9a-f]{64}$/)
    expect(value.expiresAt).toBeGreaterThan(AZURE_TIME)
  })

  it.each(TDX)('%s: accepted without collateral', async (name) => {
    const result = await judgeAzure('azure-tdx-vtpm', await readAzure(name))
    if (!result.ok) throw result.error
    expect(result.value.assurance).toBe('hardware-intel')
    expect(result.value.tcbStatus).toBe('Unknown')
    expect(result.value.checked).toEqual(VTPM)
    expect(result.value.notChecked).toEqual(expect.arrayContaining(['tcb', 'qe-identity', 'tdx-module']))
    expect(result.value.measurements).toHaveProperty('mrtd')
    expect(result.value.measurements).toHaveProperty('pcr23')
  })

  it('gives the challenge of the quote as report data, and the key of the virtual TPM', async () => {
    const items = new Map([['amd/chain', await chainOf('milan')] as const])
    const result = await judgeAzure('azure-snp-vtpm', await readAzure('az-snp-vtpm-evidence-v1'), { items })
    if (!result.ok) throw result.error
    expect(result.value.reportData).toBe('0x6368616c6c656e6765')
    expect(result.value.keyBinding.publicKey).toHaveLength(2 + 2 * 294)
    expect(JSON.stringify(await parsedAzure('az-snp-vtpm-evidence-v1'))).toContain('6368616c6c656e6765')
  })

  it('refuses evidence of one hardware as that of the other', async () => {
    const snp = await readAzure('az-snp-vtpm-evidence-v1')
    const tdx = await readAzure('az-tdx-vtpm-evidence-v1')
    const results = [await judgeAzure('azure-tdx-vtpm', snp), await judgeAzure('azure-snp-vtpm', tdx)]
    expect(results.map((result) => (result.ok ? 'accept' : result.error.code))).toEqual([
      'malformed-evidence',
      'malformed-evidence',
    ])
  })
})
